import type { Socket } from 'node:net'
import type { Pace } from './fault.ts'

/** Delivers chunks to a socket in order, each no earlier than its time. */
export interface Conduit {
  /** @param chunk undefined ends the socket. */
  push(chunk: Buffer | undefined, delay: number): void
  /** Stops or goes on, as fast as `pace` allows. */
  flow(held: boolean, pace: Pace | undefined): void
}

export function conduit(to: Socket, delivered: (bytes: number) => void): Conduit {
  const queue: { chunk: Buffer | undefined; due: number }[] = []
  let held = false
  let pace: Pace | undefined
  let nextPiece = 0
  let timer: NodeJS.Timeout | undefined

  const deliver = (chunk: Buffer) => {
    to.write(chunk)
    delivered(chunk.length)
  }
  const flow = () => {
    clearTimeout(timer)
    for (let head = queue[0]; head !== undefined && !held && !to.destroyed; head = queue[0]) {
      const wait = Math.max(head.due, pace === undefined ? 0 : nextPiece) - performance.now()
      if (wait > 0) {
        timer = setTimeout(flow, Math.ceil(wait))
        return
      }
      if (head.chunk !== undefined && pace !== undefined) {
        nextPiece = performance.now() + pace.every
        deliver(head.chunk.subarray(0, pace.bytes))
        head.chunk = head.chunk.subarray(pace.bytes)
        if (head.chunk.length > 0) continue
      } else if (head.chunk !== undefined) deliver(head.chunk)
      else to.end()
      queue.shift()
    }
  }
  to.on('close', () => clearTimeout(timer))
  return {
    push(chunk, delay) {
      if (chunk?.length === 0) return
      queue.push({ chunk, due: Math.max(performance.now() + delay, queue.at(-1)?.due ?? 0) })
      flow()
    },
    flow(nowHeld, nowPace) {
      held = nowHeld
      pace = nowPace
      flow()
    },
  }
}
