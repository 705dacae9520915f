import { KeyplanError, shown } from '../base/error.ts'
import type { Channel } from '../kinds/channel/contract.ts'
import type { Feed } from '../kinds/feed/contract.ts'

/** What can be followed: a feed, or a channel, which can be resumed if it is `reliable`. */
export type Followable<T> = Pick<Feed<never, T>, 'follow'> | Pick<Channel<string, never, T>, 'messages'>

/** What every bridge to clients takes. */
export interface FollowedOptions<T> {
  /** The id that the client has seen last. What is no id is ignored. */
  lastEventId?: string | undefined
  /** Where a client begins that has seen nothing: at the oldest that is kept (`start`), or with what comes (`now`, default). */
  from?: 'start' | 'now'
  /** What the client is given of a value, as text. Default: JSON. */
  data?: (value: T) => string
  /** Ends it. */
  signal?: AbortSignal | undefined
}

/** One thing to tell a client. */
export interface Told<T> {
  readonly id: string | undefined
  readonly value: T
}

/** What is missing: entries between these two. */
export interface Gap {
  readonly after?: string | undefined
  readonly before?: string | undefined
}

const form = /^\d{1,16}-\d{1,16}$/

/**
 * Follows from where a client has been.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function followFrom<T>(
  source: Followable<T>,
  { lastEventId = '', from = 'now', signal }: Pick<FollowedOptions<T>, 'lastEventId' | 'from' | 'signal'>,
  gap: (gap: Gap) => void,
): AsyncIterator<Told<T>> {
  if (from !== 'start' && from !== 'now') {
    throw new KeyplanError('PARAM_INVALID', `from is ${shown(from)}; write 'start' or 'now'`)
  }
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
