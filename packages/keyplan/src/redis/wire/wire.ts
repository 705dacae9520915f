import type { Socket } from 'node:net'
import type { KeyplanError } from '../../base/error.ts'
import type { Argument, Encoding, Reply } from '../redis.ts'
import { createExchange, type ExchangeEvents } from './exchange.ts'
import { createOutgoing } from './outgoing.ts'

export interface WireOptions extends ExchangeEvents {
  /** Most commands that leave in one write. */
  readonly flush: number
  /** Whether a command may leave before the tick that it was written in is over, if nothing else is under way. */
  isEager(): boolean
  heard(): void
  /** What came is no reply: what comes next would be given to the wrong caller. */
  broken(error: unknown): void
}

/** Commands and their replies over one socket. */
export interface Wire {
  send(name: string, args: readonly Argument[], encoding: Encoding): Promise<Reply>
  /** Rejects what is under way. */
  end(reason: () => KeyplanError): void
}

/**
 * A server answers nothing before it has read it: what is worth its while goes off at once, so that it works on that while
 * the rest is written. A gathered call of some thirty keys is.
 */
const wordsAtOnce = 64

/** What is written in one tick leaves in one system call, or in a few: see `wordsAtOnce`. An idle server gets the first at once. */
export function createWire(socket: Socket, { flush, isEager, heard, broken, ...events }: WireOptions): Wire {
  const outgoing = createOutgoing()
  const exchange = createExchange(events)
  let isLeaving = false
  let commands = 0
  let words = 0

  socket.on('data', chunk => {
    heard()
    try {
      exchange.hear(chunk as Buffer)
    } catch (error) {
      broken(error)
    }
  })

  function leave(): void {
    commands = 0
    words = 0
    outgoing.leave(socket)
  }
  function leaveLater(): void {
    isLeaving = false
    leave()
  }

  return {
    send: (name, args, encoding) =>
      new Promise((resolve, reject) => {
        const isAlone = exchange.isIdle && !isLeaving && isEager()
        // What cannot be written must have no place among those who wait.
        outgoing.add(name, args)
        exchange.expect(name, args.length, { encoding, resolve, reject })
        commands++
        words += args.length
        if (isAlone || commands >= flush || words >= wordsAtOnce) leave()
        else if (!isLeaving) {
          isLeaving = true
          process.nextTick(leaveLater)
        }
      }),
    end(reason) {
      for (const { reject } of exchange.drain()) reject(reason())
    },
  }
}
