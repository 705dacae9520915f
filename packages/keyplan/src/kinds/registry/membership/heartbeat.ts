import { isUnavailable } from '../../../base/error.ts'
import type { Guarded } from '../../../guard/guarded.ts'
import { createSource, type Source, type SourceHealth, type Turn } from '../../../mechanisms/source.ts'
import type { Surroundings } from '../../kind.ts'
import type { Counting } from '../figures.ts'
import type { RegistrySettings } from '../settings.ts'
import type { Absence, Place, RegistryStore } from '../store.ts'
import type { Member } from './member.ts'
import type { Mirror } from './mirror.ts'

/** By which a process says that its members of one registry are alive, and looks for those whose leases end. */
export interface Heartbeat {
  /** Undefined while there is nothing to beat for. */
  readonly health: SourceHealth | undefined
  /** There is a member. */
  begin(): void
  /** Ends it if there are no members and nobody watches. */
  rest(): void
  /** Somebody wants to hear of those who expire, until the function is called that this gives. */
  watch(): () => void
  close(): Promise<void>
}

interface HeartbeatParts extends Pick<Surroundings, 'name' | 'clock' | 'notify'> {
  readonly place: Place
  readonly settings: Pick<RegistrySettings, 'beatMs' | 'mirrorMs'>
  readonly steps: Pick<Guarded<RegistryStore>, 'beat'>
  readonly counting: Counting
  readonly mirror: Mirror | undefined
  readonly members: ReadonlyMap<string, Member>
  /** One of them is not on the list. */
  restore(member: Member, why: Absence): Promise<void>
  /** There is nothing to do any more. */
  idle(): void
}

/** Most members of one beat: how long it may take. */
const mostBeating = 2_000

/** How long a beat may take, in milliseconds, where that is less than any call may. */
const shortestBeat = 250
const longestBeat = 5_000

/** Those who watch look at most so late when a lease ends, not all of them at once. Milliseconds. */
const lateness = 250

export function createHeartbeat(parts: HeartbeatParts): Heartbeat {
  const { name, clock, notify, place, settings, steps, counting, mirror, members, restore, idle } = parts
  let watchers = 0
  let source: Source | undefined
  /** The server was out of reach at the last beat. */
  let cutOff = false
  let rested = false

  /** So that who is cut off knows of it before its leases end. */
  const deadline =
    settings.beatMs < longestBeat ? (`${Math.max(shortestBeat, Math.round(settings.beatMs))}ms` as const) : undefined

  const interval = Math.min(settings.beatMs, (settings.mirrorMs ?? Number.POSITIVE_INFINITY) / 3)

  async function beat(part: readonly Member[], signal: AbortSignal): Promise<number | undefined> {
    const begun = clock.now()
    counting.beats++
    try {
      const standing = part.map(({ entry: { id, token } }) => ({ id, token }))
      const { absent, nextMs } = await steps.beat({ signal, deadline }, place, standing, cutOff)
      cutOff = false
      const away = new Set(absent.map(({ place: at }) => at))
      for (const [at, member] of part.entries()) if (!away.has(at)) member.confirmed(begun)
      await Promise.all(absent.map(({ place: at, why }) => restore(part[at]!, why)))
      return nextMs
    } catch (error) {
      counting.failedBeats++
      cutOff ||= isUnavailable(error)
      throw error
    }
  }

  async function turn({ signal }: Turn): Promise<number> {
    // Who has just joined needs none yet, and those who begin together are spread.
    if (!rested && watchers === 0) {
      rested = true
      return interval * (0.7 + 0.3 * Math.random())
    }
    const all = [...members.values()]
    let next: number | undefined
    for (let first = 0; first === 0 || first < all.length; first += mostBeating) {
      next = await beat(all.slice(first, first + mostBeating), signal)
    }
    await mirror?.renew([...members.values()].map(({ entry }) => entry))
    if (watchers === 0 || next === undefined) return interval
    return Math.min(interval, next + 1 + lateness * Math.random())
  }

  function begin(): void {
    source ??= createSource({ namespace: name, name: 'heartbeat', clock, turn, notify })
  }
  function rest(): void {
    if (members.size > 0 || watchers > 0) return
    void source?.close(0)
    source = undefined
    rested = false
    idle()
  }

  return {
    get health() {
      return source?.health
    },
    begin,
    rest,
    watch() {
      watchers++
      begin()
      source?.ring()
      return () => {
        watchers--
        rest()
      }
    },
    async close() {
      watchers = 0
      await source?.close(0)
      source = undefined
    },
  }
}
