import type { CallOptions } from '../../base/call.ts'
import { isUnavailable } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import { createSource, type Source, type SourceHealth, type Turn } from '../../mechanisms/source.ts'
import type { Surroundings } from '../kind.ts'
import type { Counting } from './figures.ts'
import type { Member } from './membership.ts'
import type { Mirror } from './mirror.ts'
import type { RegistrySettings } from './settings.ts'
import type { Absence, Entry, Place, Put, PutMode, PutResult, RegistryStore } from './store.ts'

/** What this process has to do with one registry: its members there, and whether somebody follows the events. */
export interface Hub {
  readonly size: number
  readonly mirror: Mirror | undefined
  /** Of the heartbeat. */
  readonly health: SourceHealth | undefined
  /** Writes an entry; with those of the same tick in one step, unless it has terms of its own. */
  put(mode: PutMode, entry: Entry, options: CallOptions): Promise<PutResult>
  /** The same of a member, which joins again if it was taken off the list. */
  change(member: Member, entry: Entry, options: CallOptions): Promise<PutResult>
  leave(member: Member, options: CallOptions): Promise<boolean>
  /** From now on it is said to be alive. */
  add(member: Member): void
  remove(member: Member): void
  /** Somebody wants to hear of those who expire, until the function is called that this gives. */
  watch(): () => void
  /** Lets all members leave, for at most so long. */
  close(graceMs: number): Promise<void>
}

interface HubParts extends Pick<Surroundings, 'name' | 'clock' | 'notify'> {
  readonly place: Place
  readonly settings: Pick<RegistrySettings, 'beatMs' | 'mirrorMs'>
  readonly steps: Guarded<RegistryStore>
  readonly counting: Counting
  readonly mirror: Mirror | undefined
  /** There is nothing to do any more. */
  idle(): void
}

/** Most members of one beat, and of one step that writes or removes them: how long it may take. */
const mostBeating = 2_000
const mostWritten = 64

/** How long a beat may take, in milliseconds, where that is less than any call may. */
const shortestBeat = 250
const longestBeat = 5_000

/** Those who watch look at most so late when a lease ends, not all of them at once. Milliseconds. */
const lateness = 250

export function createHub(parts: HubParts): Hub {
  const { name, clock, notify, place, settings, steps, counting, mirror, idle } = parts
  const members = new Map<string, Member>()
  let watchers = 0
  let heart: Source | undefined
  /** The server was out of reach at the last beat. */
  let cutOff = false
  let rested = false

  /** So that who is cut off knows of it before its leases end. */
  const deadline =
    settings.beatMs < longestBeat ? (`${Math.max(shortestBeat, Math.round(settings.beatMs))}ms` as const) : undefined

  const interval = Math.min(settings.beatMs, (settings.mirrorMs ?? Number.POSITIVE_INFINITY) / 3)

  const gather = createGather<Put, PutResult>({ max: mostWritten, run: puts => steps.put(undefined, puts) })

  function put(mode: PutMode, entry: Entry, options: CallOptions): Promise<PutResult> {
    const request = { ...place, mode, entry }
    if (Object.keys(options).length === 0) return gather.add(request)
    gather.flush()
    return steps.put(options, [request]).then(([result]) => result!)
  }

  /** Unless another has taken the name. */
  async function rejoin(member: Member, entry: Entry, options: CallOptions): Promise<PutResult> {
    const begun = clock.now()
    const result = await put('rejoin', entry, options)
    if (typeof result === 'string') return result
    counting.rejoined++
    member.rejoined(begun)
    notify({ type: 'registry-rejoined', namespace: name })
    return result
  }
  function lose(member: Member): void {
    if (member.state !== 'member') return
    counting.replaced++
    member.replaced()
    notify({ type: 'registry-replaced', namespace: name })
  }
  function restore(member: Member, why: Absence): Promise<void> {
    return member.restore(async () => {
      if (member.state !== 'member') return
      if (why === 'replaced' || typeof (await rejoin(member, member.entry, {})) === 'string') lose(member)
    })
  }

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

  function awake(): void {
    heart ??= createSource({ namespace: name, name: 'heartbeat', clock, turn, notify })
  }
  function rest(): void {
    if (members.size > 0 || watchers > 0) return
    void heart?.close(0)
    heart = undefined
    rested = false
    idle()
  }

  return {
    get size() {
      return members.size
    },
    mirror,
    get health() {
      return heart?.health
    },
    put,
    async change(member, entry, options) {
      let result = await put('update', entry, options)
      if (result === 'gone' && member.state === 'member') result = await rejoin(member, entry, options)
      if (typeof result === 'string') lose(member)
      else await mirror?.write(entry)
      return result
    },
    async leave({ entry: { id, token } }, options) {
      // What was asked for before happens before.
      gather.flush()
      const left = (await steps.leave(options, place, [{ id, token }])) > 0
      if (left) counting.left++
      await mirror?.remove([id])
      return left
    },
    add(member) {
      const before = members.get(member.id)
      members.set(member.id, member)
      // An earlier entry of this process under the same name is over.
      if (before) lose(before)
      awake()
    },
    remove(member) {
      if (members.get(member.id) === member) members.delete(member.id)
      rest()
    },
    watch() {
      watchers++
      awake()
      heart?.ring()
      return () => {
        watchers--
        rest()
      }
    },
    async close(graceMs) {
      gather.flush()
      const all = [...members.values()]
      members.clear()
      for (const member of all) member.left()
      watchers = 0
      await heart?.close(0)
      heart = undefined
      if (all.length === 0) return
      const standing = all.map(({ entry: { id, token } }) => ({ id, token }))
      const parts = Array.from({ length: Math.ceil(standing.length / mostWritten) }, (_, part) =>
        standing.slice(part * mostWritten, (part + 1) * mostWritten),
      )
      const deadline = `${graceMs}ms` as const
      const left = await Promise.allSettled(parts.map(part => steps.leave({ deadline }, place, part)))
      // Those of which it is not known go when their leases end.
      for (const result of left) if (result.status === 'fulfilled') counting.left += result.value
      await mirror?.remove(standing.map(({ id }) => id))
    },
  }
}
