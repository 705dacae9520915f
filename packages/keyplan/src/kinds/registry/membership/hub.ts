import type { CallOptions } from '../../../base/call.ts'
import type { Guarded } from '../../../guard/guarded.ts'
import { createGather } from '../../../mechanisms/gather.ts'
import type { SourceHealth } from '../../../mechanisms/source.ts'
import type { Surroundings } from '../../kind.ts'
import type { Counting } from '../figures.ts'
import type { RegistrySettings } from '../settings.ts'
import type { Absence, Entry, Place, Put, PutMode, PutResult, RegistryStore, Standing } from '../store.ts'
import { createHeartbeat } from './heartbeat.ts'
import type { Member } from './member.ts'
import type { Mirror } from './mirror.ts'

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

export interface HubParts extends Pick<Surroundings, 'name' | 'clock' | 'notify'> {
  readonly settings: Pick<RegistrySettings, 'beatMs' | 'mirrorMs'>
  readonly steps: Guarded<RegistryStore>
  readonly counting: Counting
}

interface Own {
  readonly place: Place
  readonly mirror: Mirror | undefined
  /** There is nothing to do any more. */
  idle(): void
}

/** Most members of one step that writes or removes them: how long it may take. */
const mostWritten = 64

export function createHub(parts: HubParts, { place, mirror, idle }: Own): Hub {
  const { name, clock, notify, steps, counting } = parts
  const members = new Map<string, Member>()
  const heartbeat = createHeartbeat({ ...parts, place, mirror, members, restore, idle })
  const gather = createGather<Put, PutResult>({ max: mostWritten, run: puts => steps.put(undefined, puts) })

  function put(mode: PutMode, entry: Entry, options: CallOptions): Promise<PutResult> {
    const request = { mode, entry, ...place }
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
  async function depart(standing: readonly Standing[], options: CallOptions): Promise<number> {
    const { left, replaced } = await steps.leave(options, place, standing)
    counting.left += left
    // At the name of one who was replaced lies the copy of another.
    const others = new Set(replaced)
    await mirror?.remove(standing.filter((_, at) => !others.has(at)).map(({ id }) => id))
    return left
  }
  function restore(member: Member, why: Absence): Promise<void> {
    return member.restore(async () => {
      if (member.state !== 'member') return
      if (why === 'replaced' || typeof (await rejoin(member, member.entry, {})) === 'string') lose(member)
    })
  }

  return {
    get size() {
      return members.size
    },
    mirror,
    get health() {
      return heartbeat.health
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
      return (await depart([{ id, token }], options)) > 0
    },
    add(member) {
      const before = members.get(member.id)
      members.set(member.id, member)
      // An earlier entry of this process under the same name is over.
      if (before) lose(before)
      heartbeat.begin()
    },
    remove(member) {
      if (members.get(member.id) === member) members.delete(member.id)
      heartbeat.rest()
    },
    watch: heartbeat.watch,
    async close(graceMs) {
      gather.flush()
      const all = [...members.values()]
      members.clear()
      for (const member of all) member.left()
      await heartbeat.close()
      if (all.length === 0) return
      const standing = all.map(({ entry: { id, token } }) => ({ id, token }))
      const portions = Array.from({ length: Math.ceil(standing.length / mostWritten) }, (_, part) =>
        standing.slice(part * mostWritten, (part + 1) * mostWritten),
      )
      const deadline = `${graceMs}ms` as const
      // Those of which it is not known go when their leases end, and their copies with their time.
      await Promise.allSettled(portions.map(portion => depart(portion, { deadline })))
    },
  }
}
