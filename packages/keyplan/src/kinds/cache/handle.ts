import type { CallOptions } from '../../base/call.ts'
import { surfacing } from '../../base/surfacing.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import { createAnswers } from './answers.ts'
import { createBatches } from './batches.ts'
import { type ChangesParts, createChanges } from './changes.ts'
import type { CacheNamespace, ClearOptions } from './contract.ts'
import { createEntries, type EntryParts } from './entry.ts'
import type { FetchParts } from './fetch.ts'
import { createListing } from './listing.ts'
import type { CacheStore, Cursor } from './store.ts'

export interface CacheParts extends EntryParts, Omit<ChangesParts, 'lookup'>, Pick<FetchParts, 'lane'> {}

const noTags: readonly string[] = Object.freeze([])

/** What the user touches: `redis.<namespace>`. */
export function openCache(parts: CacheParts): CacheNamespace<ParamValues, unknown, unknown> {
  const { pattern, names, settings, steps, loader, refusals, counting, near } = parts
  const { misuse } = refusals
  const answers = createAnswers(counting, near)
  const changes = createChanges(parts)
  const entry = createEntries(parts, answers, changes)
  const owes = (key: string) => parts.owed(key, noTags)
  return Object.assign(entry, {
    ...createBatches({ ...parts, source: pattern.source, entry, answers, changes }),
    ...createListing({ pattern, steps, refusals, owes }),
    async invalidateTag(tag: string, options?: CallOptions) {
      if (typeof tag !== 'string') throw misuse('invalidateTag()', tag, 'one tag, a string')
      if (!settings.tags && !settings.loaderTags) {
        throw refusals.refusal('PARAM_INVALID', `'${pattern.source}' declares no tags; there is none to invalidate`)
      }
      refusals.check(options)
      const tagKey = names.tag(tag)
      const outdate = () => steps.outdate(options, [tagKey])
      await changes.make([tagKey], () => loader.dropTag(tagKey), outdate)
      return changes.certainty(undefined, [tagKey])
    },
    async clear(options?: ClearOptions) {
      refusals.check(options, ['onProgress'])
      const onProgress: unknown = options?.onProgress
      if (onProgress !== undefined && typeof onProgress !== 'function') {
        throw misuse('clear()', onProgress, 'a function as onProgress')
      }
      await changes.make('all', loader.dropAll, () => clear(steps, options))
      return changes.certainty(undefined, noTags)
    },
  })
}

/** Refuses the loads under way first, so that none of them comes back behind the broom. */
async function clear(steps: Pick<Guarded<CacheStore>, 'forget' | 'sweep'>, options?: ClearOptions): Promise<void> {
  const { onProgress, ...terms } = options ?? {}
  await steps.forget(terms)
  let at: Cursor = { cursor: '0' }
  let removed = 0
  do {
    const page = await steps.sweep(terms, at)
    at = page
    removed += page.removed
    if (onProgress) surfacing(() => onProgress(removed))
  } while (at.cursor !== '0')
}
