import { errorOf } from '../../base/thrown.ts'
import type { Surroundings } from '../kind.ts'
import type { CacheDeclaration } from './contract.ts'
import type { CacheNotice, FetchParts } from './fetch.ts'
import { createCounting } from './figures.ts'
import { formOf } from './form.ts'
import { createFreshness } from './freshness.ts'
import { cacheNames } from './names.ts'
import { refusalsOf } from './refusals.ts'
import { createRests } from './rests.ts'

/** What a cache is made of, wherever its values are. */
export function cacheParts(
  { options: settings }: CacheDeclaration,
  { name, pattern, server, clock, notify }: Surroundings,
): Pick<
  FetchParts,
  'source' | 'settings' | 'names' | 'lane' | 'form' | 'freshness' | 'rests' | 'refusals' | 'counting' | 'tell' | 'clock'
> {
  const counting = createCounting()
  const tell = (what: CacheNotice, error?: unknown) =>
    notify(
      what === 'refresh-failed'
        ? { type: what, namespace: name, error: errorOf(error) }
        : { type: what, namespace: name },
    )
  const freshness = createFreshness(settings, clock.wall)
  const form = formOf(settings, freshness, () => {
    counting.undecodable++
    tell('undecodable')
  })
  const rests = createRests(clock)
  return {
    source: pattern.source,
    settings,
    names: cacheNames(pattern),
    lane: server?.lane,
    form,
    freshness,
    rests,
    refusals: refusalsOf(name, pattern.source),
    counting,
    tell,
    clock,
  }
}
