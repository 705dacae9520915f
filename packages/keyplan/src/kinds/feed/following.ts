import type { KeyplanError } from '../../base/error.ts'
import { createHandover } from '../../base/handover.ts'
import { createInbox, type InboxLimits } from '../../base/inbox.ts'
import { onAbort } from '../../base/on-abort.ts'
import { surfacing } from '../../base/surfacing.ts'
import type { LogEntry } from '../../mechanisms/log/entry.ts'
import { createFollower, type Follower, type LogGap } from '../../mechanisms/log/follower.ts'
import type { LogNews } from '../../mechanisms/log/log.ts'
import type { Surroundings } from '../kind.ts'
import type { FeedEntry } from './contract.ts'
import type { Counting } from './figures.ts'

/** One loop over a feed. */
export interface Following {
  readonly entries: AsyncIterableIterator<FeedEntry>
  end(error?: KeyplanError): void
}

interface FollowingParts extends Pick<Surroundings, 'name' | 'clock'> {
  readonly key: string
  /** Where to begin; undefined for the oldest that is kept. */
  from(): Promise<string | undefined>
  range(after: string, count: number): Promise<readonly LogEntry[]>
  decode(entry: LogEntry): FeedEntry | undefined
  readonly news: LogNews
  readonly limits: InboxLimits
  readonly signal: AbortSignal | undefined
  gap: ((gap: LogGap) => void) | undefined
  readonly counting: Counting
  ended(): void
}

/** What waits for its consumer: an entry, or what is missing before it, or both. */
interface Arrival {
  readonly entry: LogEntry | undefined
  readonly gap: LogGap | undefined
}

export function openFollowing(parts: FollowingParts): Following {
  const { name, clock, key, from, range, decode, news, limits, signal, gap: told, counting, ended } = parts
  let follower: Follower | undefined
  let over = false
  const handover = createHandover<FeedEntry>(() => end())
  const inbox = createInbox<Arrival>(limits, deliver, () => follower?.room())
  counting.followers++

  function deliver({ entry, gap }: Arrival): Promise<void> | undefined {
    if (gap) {
      counting.gaps++
      surfacing(() => told?.(gap))
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
      namespace: name,
      from: start,
      most: limits.count,
      range,
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
