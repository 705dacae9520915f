import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { durationMs } from '../../base/duration.ts'
import { bounded } from '../../guard/deadline.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { CacheSettings, CacheStore, Loader, Standing } from './contract.ts'
import type { Form } from './form.ts'
import { createLoads } from './loads.ts'
import type { Found, Question } from './reads.ts'

export interface LoaderParts {
  readonly settings: CacheSettings
  readonly steps: Guarded<CacheStore>
  /** Keeps what was loaded while Redis could not be asked. */
  readonly spare: Guarded<CacheStore> | undefined
  readonly form: Form
  /** This process has stored the key itself. */
  readonly stored: (key: string) => void
  readonly clock: Clock
}

/** Answers misses: loads once for all who wait, and stores what is still wanted. */
export interface CacheLoader {
  load(
    question: Question,
    miss: Found,
    replaces: Standing,
    loader: Loader<unknown>,
    options: CallOptions | undefined,
  ): Promise<unknown>
  /** See `Loads`. */
  drop(key: string): void
  dropAll(): void
}

export function createLoader({ settings, steps, spare, form, stored, clock }: LoaderParts): CacheLoader {
  const loads = createLoads<Stored | undefined>()
  /** What a delete leaves behind must still be there when the load is judged, with some room for the way. */
  const lateMs = settings.loadWindowMs * 0.9

  async function fetch(
    { key, tags }: Question,
    miss: Found,
    replaces: Standing,
    loader: Loader<unknown>,
    wanted: () => boolean,
  ): Promise<Stored | undefined> {
    const begun = clock.now()
    const versions = await versionsOf(tags, miss)
    const value = await loader()
    if (value === undefined) return undefined
    const sealed = form.sealLoaded(value, versions ?? [])
    if (!wanted()) return sealed
    if (miss.seen === undefined || !versions) {
      await spare?.write(undefined, key, tags.length > 0 ? form.sealNew(value) : sealed, settings.ttlMs, tags)
      return sealed
    }
    const late = clock.now() - begun > lateMs
    const load = { value: sealed, ttlMs: settings.ttlMs, seen: miss.seen, late, replaces }
    // The value is at hand: that it could not be stored is no reason to withhold it.
    const kept = await steps.keep(undefined, key, load).catch(() => false)
    if (kept) stored(key)
    return sealed
  }

  /** The versions of the tags before the load; one more trip where a tag is seen for the first time. */
  async function versionsOf(tags: readonly string[], miss: Found): Promise<readonly string[] | undefined> {
    if (miss.seen === undefined) return undefined
    if (!miss.tags.includes(null)) return miss.tags as readonly string[]
    const versions = await steps.track(undefined, tags).catch(() => [])
    return versions.length === tags.length ? versions : undefined
  }

  return {
    async load(question, miss, replaces, loader, options) {
      const shared = loads.share(question.key, miss, wanted => fetch(question, miss, replaces, loader, wanted))
      const sealed = await (options ? patiently(shared, options, clock) : shared)
      return sealed === undefined ? undefined : form.copy(sealed)
    },
    drop: loads.drop,
    dropAll: loads.dropAll,
  }
}

/** A caller's own terms bind that caller alone: the load goes on for the others. */
function patiently<T>(shared: Promise<T>, { signal, deadline }: CallOptions, clock: Clock): Promise<T> {
  const ms = deadline === undefined ? Number.POSITIVE_INFINITY : durationMs(deadline, 'deadline')
  return bounded(shared, ms, signal, clock, () => 'not-executed', 'The loader')
}
