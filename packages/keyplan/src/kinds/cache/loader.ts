import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { durationMs } from '../../base/duration.ts'
import { bounded } from '../../guard/deadline.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Server } from '../kind.ts'
import { createBases } from './basis.ts'
import type { CacheSettings, Loader } from './contract.ts'
import type { Form } from './form.ts'
import { lifetimeOf } from './lifetime.ts'
import { createLoads } from './loads.ts'
import type { Found, Question } from './reads.ts'
import type { Basis, CacheStore, Standing } from './store.ts'

export interface LoaderParts {
  readonly settings: CacheSettings
  readonly lane: Server['lane']
  readonly steps: Guarded<CacheStore>
  /** Keeps what was loaded while Redis could not be asked. */
  readonly spare: Guarded<CacheStore> | undefined
  readonly form: Form
  /** This process has stored the key itself. */
  readonly stored: (key: string) => void
  /** What stood at a key was no value of this namespace. */
  readonly onUndecodable: () => void
  /** A value was loaded that is larger than may be stored. */
  readonly onOversized: () => void
  readonly clock: Clock
}

/** A miss that is to be answered. */
export interface Miss {
  readonly question: Question
  readonly found: Found
  readonly replaces: Standing
}

/** Answers misses: loads once for all who wait, and stores what is still wanted. */
export interface CacheLoader {
  /** `begun` is when the caller asked, by the clock: its deadline counts from there. */
  load(miss: Miss, loader: Loader<unknown>, options: CallOptions | undefined, begun: number): Promise<unknown>
  /** Answers several. The loaders of those that are not under way are called in the same tick, wherever their keys are. */
  loadTogether(
    misses: readonly Miss[],
    loaderOf: (index: number) => Loader<unknown>,
    options: CallOptions | undefined,
    begun: number,
  ): Promise<unknown[]>
  /** See `Loads`. */
  drop(key: string): void
  dropTag(tag: string): void
  dropAll(): void
}

export function createLoader(parts: LoaderParts): CacheLoader {
  const { settings, steps, spare, form, stored, onUndecodable, onOversized, clock } = parts
  const basisOf = createBases(steps, parts.lane)
  const loads = createLoads<Stored | undefined>((key, seen) => steps.untouched(undefined, key, seen).catch(() => false))

  const markAt = (key: string) => steps.mark(undefined, key).catch(() => undefined)

  const baseOf = ({ question, found }: Miss) => basisOf(question, found)

  function shared(miss: Miss, basis: Basis | undefined, loader: Loader<unknown>): Promise<Stored | undefined> {
    return loads.share(miss.question, basis, wanted => fetch(miss, basis, loader, wanted))
  }

  async function answer(
    result: Promise<Stored | undefined>,
    options: CallOptions | undefined,
    begun: number,
  ): Promise<unknown> {
    const sealed = await (options ? patiently(result, options, begun, clock) : result)
    return sealed === undefined ? undefined : form.copy(sealed)
  }

  async function fetch(
    { question: { key, tags }, found, replaces }: Miss,
    basis: Basis | undefined,
    loader: Loader<unknown>,
    wanted: () => boolean,
  ): Promise<Stored | undefined> {
    const standing = replaces === 'unclear' ? basis && (await markAt(key)) : replaces
    const value = await loader()
    if (value === undefined) return undefined
    const sealed = form.sealLoaded(value, basis?.tags ?? [])
    if (!wanted()) return sealed
    if (form.excess(sealed) > 0) {
      onOversized()
      return sealed
    }
    const ttlMs = lifetimeOf(settings)
    if (found.seen === undefined) await spare?.write(undefined, key, form.sealNew(value, tags), ttlMs, tags)
    if (!basis || !standing) return sealed
    const load = { value: sealed, ttlMs, tags, basis, replaces: standing }
    // The value is at hand: that it could not be stored is no reason to withhold it.
    const kept = await steps.keep(undefined, key, load).catch(() => 'refused')
    if (kept !== 'refused') stored(key)
    if (kept === 'displaced') onUndecodable()
    return sealed
  }

  return {
    load(miss, loader, options, begun) {
      const basis = baseOf(miss)
      const result =
        basis instanceof Promise ? basis.then(known => shared(miss, known, loader)) : shared(miss, basis, loader)
      return answer(result, options, begun)
    },
    loadTogether(misses, loaderOf, options, begun) {
      const bases = Promise.all(misses.map(baseOf))
      const results = misses.map((miss, index) => bases.then(known => shared(miss, known[index], loaderOf(index))))
      return Promise.all(results.map(result => answer(result, options, begun)))
    },
    drop: loads.drop,
    dropTag: loads.dropTag,
    dropAll: loads.dropAll,
  }
}

/** A caller's own terms bind that caller alone: the load goes on for the others. */
function patiently<T>(shared: Promise<T>, { signal, deadline }: CallOptions, begun: number, clock: Clock): Promise<T> {
  const ms = deadline === undefined ? Number.POSITIVE_INFINITY : durationMs(deadline, 'deadline')
  const waiting = { signal, who: 'The loader', outcome: () => 'not-executed' as const }
  return bounded(shared, begun + ms - clock.now(), waiting, clock)
}
