import type { Clock } from '../../base/clock.ts'
import type { KeyplanError } from '../../base/error.ts'
import { createHandover } from '../../base/handover.ts'
import { createInbox, type InboxLimits } from '../../base/inbox.ts'
import { onAbort } from '../../base/on-abort.ts'
import { surfacing } from '../../base/surfacing.ts'
import type { LogEntry } from './entry.ts'
import { createFollower, type Follower } from './follower.ts'
import type { LogNews } from './log.ts'
import type { LogGap } from './place.ts'

/** One loop over a log. */
export interface Following<T> {
  readonly entries: AsyncIterableIterator<T>
  end(error?: KeyplanError): void
}

/** What was done for those who follow the logs of a namespace. */
export interface FollowFigures {
  /** Entries given to those who follow. */
  readonly followed: number
  /** Loops that follow now. */
  readonly followers: number
  /** How often one of them was told that entries are missing. */
  readonly gaps: number
  /** What was read, did not decode and was left out. */
  readonly undecodable: number
}

export type FollowCounting = { -readonly [Figure in keyof FollowFigures]: number }

export const createFollowCounting = (): FollowCounting => ({ followed: 0, followers: 0, gaps: 0, undecodable: 0 })

interface FollowingParts<T> {
  readonly namespace: string
  readonly clock: Clock
  readonly key: string
  /** Where to begin; undefined for the oldest that is kept. */
  from(): Promise<string | undefined>
  /** That is an id which was given at another time. */
  readonly resumed: boolean
  range(after: string, count: number): Promise<readonly LogEntry[]>
  newest(): Promise<string | undefined>
  decode(entry: LogEntry): T | undefined
  readonly news: LogNews
  readonly limits: InboxLimits
  readonly signal: AbortSignal | undefined
  gap: ((gap: LogGap) => void) | undefined
  readonly counting: FollowCounting
  ended(): void
}

/** What waits for its consumer: an entry, or what is missing before it, or both. */
interface Arrival {
  readonly entry: LogEntry | undefined
  readonly gap: LogGap | undefined
}

export function openFollowing<T>(parts: FollowingParts<T>): Following<T> {
  const { namespace, clock, key, from, resumed, range, newest, decode, news, limits, signal, counting, ended } = parts
  let follower: Follower | undefined
  let over = false
  const handover = createHandover<T>(() => end())
  const inbox = createInbox<Arrival>(limits, deliver, () => follower?.room())
  counting.followers++

  function deliver({ entry, gap }: Arrival): Promise<void> | undefined {
    if (gap) {
      counting.gaps++
      surfacing(() => parts.gap?.(gap))
    }
    const decoded = entry && !over ? decode(entry) : undefined
    if (!decoded) return undefined
    counting.followed++
    return handover.give(decoded)
  }

  const listening = news.listen(key, {
    heard: entry => follower?.heard(entry),
    missed: () => follower?.missed(),
  })

  async function begin(): Promise<void> {
    const start = await from()
    if (over) return
    follower = createFollower({
      namespace,
      from: start,
      resumed,
      most: limits.count,
      range,
      newest,
      accept: (entry, gap) => inbox.put({ entry, gap }, entry?.value?.length ?? 0),
      caughtUp: listening.caughtUp,
      clock,
    })
  }

  function end(error?: KeyplanError): void {
    if (over) return
    over = true
    counting.followers--
    unlink?.()
    listening.close()
    follower?.close()
    inbox.close()
    handover.end(error)
    ended()
  }

  const unlink = signal && onAbort(signal, () => end())
  begin().catch(end)
  return { entries: handover, end }
}
