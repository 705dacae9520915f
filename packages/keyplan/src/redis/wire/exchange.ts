import type { KeyplanError } from '../../base/error.ts'
import { replyFailure } from '../failure.ts'
import type { ChannelKind, Encoding, Reply } from '../redis.ts'
import { createReplyParser, ErrorReply } from './reply-parser.ts'

/** Who waits for a reply. */
export interface Caller {
  readonly encoding: Encoding
  resolve(reply: Reply): void
  reject(error: KeyplanError): void
}

export interface ExchangeEvents {
  /** A command has its answer. */
  settled(): void
  /** A message of what this connection listens to: `name` is that, and `channel` where the message was sent to. */
  message(kind: ChannelKind, name: string, payload: unknown, channel: string): void
  /** The slot of a sharded channel has gone to another node, and the subscription has ended. */
  moved(): void
  /** The server said what nobody had asked for, such as why it takes no more clients. */
  unasked(reply: Reply | ErrorReply): void
}

/** Gives each reply to the command that it answers: a server answers in the order in which it was asked. */
export interface Exchange {
  /** Nothing waits for an answer. */
  readonly isIdle: boolean
  expect(command: string, args: number, caller: Caller): void
  /** @throws Error for bytes that are no reply */
  hear(chunk: Buffer): void
  /** Those that will have no answer, the oldest first. */
  drain(): readonly Caller[]
}

interface Change {
  readonly command: string
  /** One for each channel that the command joins or leaves. */
  answers: number
}

/** Where a message has the name, the payload and its channel. */
const messages: Readonly<Record<string, readonly [ChannelKind, name: number, payload: number, channel: number]>> = {
  message: ['exact', 1, 2, 1],
  pmessage: ['pattern', 1, 3, 2],
  smessage: ['sharded', 1, 2, 1],
}

const joins: ReadonlySet<string> = new Set(['subscribe', 'psubscribe', 'ssubscribe'])
const leaves: ReadonlySet<string> = new Set(['unsubscribe', 'punsubscribe', 'sunsubscribe'])

/** Answered callers that are kept until the list is made anew: that costs the rest a copy. */
const mostAnswered = 1_024

export function createExchange({ settled, message, moved, unasked }: ExchangeEvents): Exchange {
  let callers: Caller[] = []
  /** The oldest that waits: those before it have their answers. */
  let first = 0
  /** Of the callers that join or leave channels. From the first on, this connection is told what it did not ask for. */
  const changes = new Map<Caller, Change>()
  let listens = false

  function answered(): void {
    first++
    const isIdle = first === callers.length
    if (isIdle || (first >= mostAnswered && first * 2 >= callers.length)) {
      callers = isIdle ? [] : callers.slice(first)
      first = 0
    }
    settled()
  }

  /** Whether it was a message or the answer to a change, and not a reply like others. */
  function isNews(reply: unknown[]): boolean {
    const kind = String(reply[0])
    const [channelKind, name, payload, channel] = messages[kind] ?? []
    if (channelKind) {
      message(channelKind, String(reply[name!]), reply[payload!], String(reply[channel!]))
      return true
    }
    if (!joins.has(kind) && !leaves.has(kind)) return false
    const asked = callers[first]
    const change = asked && changes.get(asked)
    if (change?.command !== kind) {
      if (kind === 'sunsubscribe') moved()
    } else if (--change.answers === 0) {
      changes.delete(asked!)
      answered()
      asked!.resolve(reply as Reply)
    }
    return true
  }

  const hear = createReplyParser({
    encoding: () => callers[first]?.encoding ?? 'text',
    reply(reply) {
      if (listens && Array.isArray(reply) && isNews(reply)) return
      const asked = callers[first]
      if (!asked) return unasked(reply)
      answered()
      if (!(reply instanceof ErrorReply)) return asked.resolve(reply)
      if (changes.get(asked)?.command === 'ssubscribe' && reply.text.startsWith('MOVED ')) moved()
      changes.delete(asked)
      asked.reject(replyFailure(reply.text))
    },
  })

  return {
    get isIdle() {
      return callers.length === 0
    },
    expect(command, args, caller) {
      callers.push(caller)
      const isJoin = joins.has(command)
      if (!isJoin && !(listens && leaves.has(command))) return
      listens = true
      changes.set(caller, { command, answers: args })
    },
    hear,
    drain() {
      const left = callers.slice(first)
      callers = []
      first = 0
      return left
    },
  }
}
