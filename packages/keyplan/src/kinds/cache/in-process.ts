import { guarded } from '../../guard/guarded.ts'
import type { Opened as OpenedNamespace, Surroundings } from '../kind.ts'
import type { CacheDeclaration } from './contract.ts'
import { figuresOf } from './figures.ts'
import type { Opened } from './form.ts'
import { freezeWhole } from './freeze-whole.ts'
import { openCache } from './handle.ts'
import { createLoader } from './loader.ts'
import { createLookup } from './lookup.ts'
import { cacheParts } from './parts.ts'
import { createReads, type Found } from './reads.ts'
import { type CacheStore, cacheOperations } from './store.ts'
import { namedTags } from './tag-versions.ts'

/** A cache over a store that cannot fail. */
export function openInProcess(
  declaration: CacheDeclaration,
  surroundings: Surroundings,
  store: CacheStore,
): OpenedNamespace<NonNullable<CacheDeclaration['~client']>> {
  const { name, pattern, bare } = surroundings
  const steps = guarded(name, store, cacheOperations, bare)
  const parts = { ...cacheParts(declaration, surroundings), steps, spare: undefined, stored: () => {} }
  const { form, counting } = parts
  const named = namedTags(parts, undefined)
  const { frozen = false } = parts.settings.near ?? {}
  function open({ stored, tags }: Found): Opened {
    const opened = form.open(stored, tags)
    // As where there is a server and copies are shared: this is also the double for tests.
    if (frozen && opened.is !== 'miss') freezeWhole(opened.value)
    return opened
  }
  const reads = createReads(parts)
  const client = openCache({
    ...parts,
    pattern,
    loader: createLoader({ ...parts, fleet: undefined }),
    lookup: createLookup({ reads, near: undefined, named, open }),
    near: undefined,
    named,
    owed: () => false,
  })
  return { client, figures: () => figuresOf(counting), close: async () => {} }
}
