import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { Channel } from '../../kinds/channel/contract.ts'
import type { Feed } from '../../kinds/feed/contract.ts'

/** What can be followed: a feed, or a channel, which can be resumed if it is `reliable`. */
export type Followable<T> = Pick<Feed<never, T>, 'follow'> | Pick<Channel<string, never, T>, 'messages'>

export interface EventOptions<T> {
  /** The id that the client has seen last. Default: what its `Last-Event-ID` header says. What is no id is ignored. */
  lastEventId?: string | undefined
  /** Where a client begins that has seen nothing: at the oldest that is kept (`start`), or with what comes (`now`, default). */
  from?: 'start' | 'now'
  /** What the data of an event is. Default: JSON. Lines are kept apart as the format wants it. */
  data?: (value: T) => string
  /** The type of an event. Default: none, which browsers call `message`. */
  event?: (value: T) => string | undefined
  /** How often a comment tells client and proxies that the connection is alive. Default: 15s. */
  heartbeat?: Duration
  /** How long a client waits before it connects again. Default: its own, about 3s. */
  retry?: Duration
  /** Ends the stream. */
  signal?: AbortSignal | undefined
}

/** One thing to tell a client. */
export interface Told<T> {
  readonly id: string | undefined
  readonly value: T
}

interface Gap {
  readonly after?: string | undefined
  readonly before?: string | undefined
}

const form = /^\d{1,16}-\d{1,16}$/

/** Follows from where a client has been. */
export function followFrom<T>(
  source: Followable<T>,
  { lastEventId = '', from = 'now', signal }: Pick<EventOptions<T>, 'lastEventId' | 'from' | 'signal'>,
  gap: (gap: Gap) => void,
): AsyncIterator<Told<T>> {
  const seen = form.test(lastEventId) ? lastEventId : undefined
  if ('follow' in source) return source.follow({ after: seen ?? from, signal, gap })
  const after = seen ?? (from === 'start' ? from : undefined)
  const iterator = source.messages({ after, signal, gap: ({ missing }) => gap({ ...missing }) })
  return {
    async next() {
      const { done, value } = await iterator.next()
      return done ? { done, value: undefined } : { done: false, value: { id: value.id, value: value.message } }
    },
    async return() {
      await iterator.return?.()
      return { done: true, value: undefined }
    },
  }
}

export const heartbeatMs = ({ heartbeat = '15s' }: Pick<EventOptions<unknown>, 'heartbeat'>) =>
  durationMs(heartbeat, 'heartbeat', shown)

const dataLines = (text: string) => text.split(/\r\n|\r|\n/).map(line => `data: ${line}\n`)

/** An event in the format that the HTML standard calls `text/event-stream`. */
export function eventText<T>({ id, value }: Told<T>, { data = JSON.stringify, event }: EventOptions<T>): string {
  const type = event?.(value)
  const head = `${id === undefined ? '' : `id: ${id}\n`}${type === undefined ? '' : `event: ${oneLine(type)}\n`}`
  return `${head}${dataLines(data(value)).join('')}\n`
}

/** An event of the type `gap`: what lay between these two is missing. It has no id, so that the client keeps its last one. */
export const gapText = (gap: Gap) => `event: gap\ndata: ${JSON.stringify(gap)}\n\n`

export const retryText = ({ retry }: Pick<EventOptions<unknown>, 'retry'>) =>
  retry === undefined ? '' : `retry: ${durationMs(retry, 'retry', shown)}\n\n`

export const heartbeatText = ': \n\n'

const oneLine = (text: string) => text.replace(/[\r\n]+/g, ' ')
