import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { FollowedOptions, Gap, Told } from '../followed.ts'

/** Lines of the data are kept apart as the format wants it. `lastEventId` is what the `Last-Event-ID` header says, by default. */
export interface EventOptions<T> extends FollowedOptions<T> {
  /** The type of an event. Default: none, which browsers call `message`. */
  event?: (value: T) => string | undefined
  /** How often a comment tells client and proxies that the connection is alive. Default: 15s. */
  heartbeat?: Duration
  /** How long a client waits before it connects again. Default: its own, about 3s. */
  retry?: Duration
}

/** What a timer counts to. */
const longestTimer = 2 ** 31 - 1

export const heartbeatMs = ({ heartbeat = '15s' }: Pick<EventOptions<unknown>, 'heartbeat'>) =>
  Math.min(durationMs(heartbeat, 'heartbeat', shown), longestTimer)

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
