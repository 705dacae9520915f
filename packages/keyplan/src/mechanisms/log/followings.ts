import { checkOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { InboxLimits } from '../../base/inbox.ts'
import { groupProblems } from '../../base/option-group.ts'
import { type Size, sizeBytes } from '../../base/size.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { beginning, isId, type LogEntry } from './entry.ts'
import { type FollowCounting, type Following, openFollowing } from './following.ts'
import type { Log, LogNews } from './log.ts'
import type { LogGap } from './place.ts'
import { sharedReads } from './shared-reads.ts'

export interface FollowOptions {
  /** Ends it. */
  signal?: AbortSignal | undefined
  /**
   * Begins behind the entry with this id; with `start` at the oldest that is kept (default); with `now` behind the newest.
   */
  after?: string | undefined
  /** Entries that were not read yet were taken away: trimmed, deleted or expired. Told in order with the entries. */
  gap?: ((gap: LogGap) => void) | undefined
  /** What is read ahead of the consumer at most. Default: 100 entries, 1mb. */
  buffer?: { count?: number; bytes?: Size } | undefined
}

/** All loops over the logs of a namespace. */
export interface Followings<T> {
  /**
   * @param began is told when the first entry is asked for, and gives what is to be told when the loop has ended
   * @throws KeyplanError PARAM_INVALID
   */
  follow(key: string, options: FollowOptions, began?: () => () => void): AsyncIterableIterator<T>
  /** Ends all, and lets no other begin. */
  close(): void
}

interface FollowingsParts<T> {
  readonly namespace: string
  readonly clock: Clock
  readonly steps: Pick<Guarded<Log>, 'range'>
  readonly news: LogNews
  /** Undefined for what is left out. */
  decode(entry: LogEntry): T | undefined
  readonly counting: FollowCounting
}

const nothing = () => {}

export function createFollowings<T>(parts: FollowingsParts<T>): Followings<T> {
  const { namespace, steps } = parts
  const followings = new Set<Following<T>>()
  const page = sharedReads((count: number, after: string, key: string) => steps.range(undefined, key, { after, count }))
  const newest = async (key: string) => (await steps.range(undefined, key, { count: 1, reverse: true }))[0]?.id
  const newestOfAll = sharedReads(newest)
  let closed = false

  function follow(key: string, options: FollowOptions, began = () => nothing): AsyncIterableIterator<T> {
    const limits = checkFollow(options)
    const { after = 'start', signal, gap } = options
    const starts: Readonly<Record<string, () => Promise<string | undefined>>> = {
      start: async () => undefined,
      now: async () => (await newest(key)) ?? beginning,
    }
    let following: Following<T> | undefined
    function open(): Following<T> {
      if (closed) throw new KeyplanError('CLOSED', 'The client is closed', { namespace, operation: 'follow' })
      const over = began()
      const opened = openFollowing<T>({
        ...parts,
        key,
        from: starts[after] ?? (async () => after),
        resumed: !(after in starts),
        range: (from, count) => page(count, from, key),
        newest: () => newestOfAll(key),
        limits,
        signal,
        gap,
        ended() {
          followings.delete(opened)
          over()
        },
      })
      followings.add(opened)
      return opened
    }
    const iterator: AsyncIterableIterator<T> = {
      async next() {
        if (signal?.aborted) return { done: true, value: undefined }
        following ??= open()
        return following.entries.next()
      },
      async return() {
        following?.end()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  return {
    follow,
    close() {
      closed = true
      for (const following of followings) following.end()
    },
  }
}

const refusal = (message: string) => new KeyplanError('PARAM_INVALID', message)

/** @throws KeyplanError PARAM_INVALID */
function checkFollow(options: FollowOptions): InboxLimits {
  const [problem] = groupProblems(options, '', ['signal', 'after', 'gap', 'buffer'])
  if (problem) throw refusal(problem)
  const { signal, after, gap, buffer = {} } = options
  checkOptions({ signal })
  if (gap !== undefined && typeof gap !== 'function') throw refusal(`gap is ${kindOf(gap)}; give a function`)
  if (after !== undefined && after !== 'start' && after !== 'now' && !isId(after)) {
    throw refusal(`after is ${kindOf(after)} that is no id; give that of an entry, 'start' or 'now'`)
  }
  const [unknown] = groupProblems(buffer, 'buffer', ['count', 'bytes'])
  if (unknown) throw refusal(unknown)
  const { count = 100, bytes = '1mb' } = buffer
  if (!Number.isSafeInteger(count) || count < 1)
    throw refusal(`buffer.count is ${shown(count)}; give a whole number from 1`)
  return { count, bytes: sizeBytes(bytes, 'buffer.bytes', shown) }
}
