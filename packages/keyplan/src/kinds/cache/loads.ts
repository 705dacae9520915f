import type { Clock } from '../../base/clock.ts'
import { type Audience, type Caller, createAudience } from './audience.ts'
import type { Question } from './reads.ts'
import type { Basis, Version } from './store.ts'

/** The loads of this process that are under way: one for each key. */
export interface Loads<T> {
  /**
   * Joins the load of the key that is under way, or starts one. A load that began before an invalidation the caller may
   * know of is not joined: its result may be older than that. Nor is one that is past its time limit, which might never
   * end; it is still wanted, though. `basis` is what the caller saw, undefined while Redis
   * cannot be asked. `wanted` turns false when the load is dropped or replaced.
   */
  share(
    question: Question,
    basis: Basis | undefined,
    caller: Caller,
    load: (wanted: () => boolean, audience: Audience) => Promise<T>,
  ): Promise<T>
  /** What is called from now on starts a load of its own. */
  drop(key: string): void
  /** Drops the loads that carry the tag. */
  dropTag(tag: string): void
  dropAll(): void
}

interface UnderWay<T> {
  readonly tags: readonly string[]
  readonly basis: Basis | undefined
  /** By the count a caller saw: whether the key was untouched since the load began. */
  readonly verdicts: Map<Version | undefined, Promise<boolean>>
  readonly begun: number
  readonly audience: Audience
  /** The one that this one took the place of since it was late. */
  readonly late: UnderWay<T> | undefined
  result: Promise<T>
}

const yes = Promise.resolve(true)
const no = Promise.resolve(false)

/** `untouched` tells whether nothing happened to a key since a count: other keys of the namespace may have moved it. */
export function createLoads<T>(
  untouched: (key: string, seen: Version) => Promise<boolean>,
  { hardMs, clock }: { readonly hardMs: number; readonly clock: Clock },
): Loads<T> {
  const underWay = new Map<string, UnderWay<T>>()

  function verdictOn(key: string, load: UnderWay<T>, basis: Basis | undefined): Promise<boolean> {
    if (basis?.epoch !== load.basis?.epoch) return no
    if (basis && load.basis && !basis.tags.every((version, index) => version === load.basis?.tags[index])) return no
    let verdict = load.verdicts.get(basis?.seen)
    if (!verdict) {
      verdict = basis && load.basis ? untouched(key, load.basis.seen) : no
      load.verdicts.set(basis?.seen, verdict)
    }
    return verdict
  }

  function begin(
    { key, tags }: Question,
    basis: Basis | undefined,
    caller: Caller,
    load: (wanted: () => boolean, audience: Audience) => Promise<T>,
    late?: UnderWay<T>,
  ): Promise<T> {
    const wanted = () => {
      for (let one = underWay.get(key); one; one = one.late) if (one === entry) return true
      return false
    }
    const audience = createAudience()
    audience.join(caller)
    const result = Promise.resolve()
      .then(() => load(wanted, audience))
      .finally(() => {
        if (underWay.get(key) === entry) underWay.delete(key)
      })
    const verdicts = new Map([[basis?.seen, yes]])
    const entry: UnderWay<T> = { tags, basis, verdicts, begun: clock.now(), audience, late, result }
    underWay.set(key, entry)
    return result
  }

  return {
    async share(question, basis, caller, load) {
      const { key } = question
      for (;;) {
        const present = underWay.get(key)
        if (!present) return begin(question, basis, caller, load)
        const joinable = await verdictOn(key, present, basis)
        const late = clock.now() - present.begun >= hardMs
        if (joinable && !late && !present.audience.over) {
          present.audience.join(caller)
          return present.result
        }
        if (underWay.get(key) === present) return begin(question, basis, caller, load, joinable ? present : undefined)
      }
    },
    drop: key => void underWay.delete(key),
    dropTag(tag) {
      for (const [key, { tags }] of underWay) if (tags.includes(tag)) underWay.delete(key)
    },
    dropAll: () => underWay.clear(),
  }
}
