import { guarded } from '../../guard/guarded.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { CacheDeclaration } from './contract.ts'
import { figuresOf } from './figures.ts'
import { openCache } from './handle.ts'
import { createLoader } from './loader.ts'
import { cacheNames } from './names.ts'
import { cacheParts } from './parts.ts'
import { type CacheStore, cacheOperations } from './store.ts'

/** A cache over a store that cannot fail. */
export function openInProcess(
  declaration: CacheDeclaration,
  surroundings: Surroundings,
  store: CacheStore,
): Opened<NonNullable<CacheDeclaration['~client']>> {
  const { name, pattern, bare } = surroundings
  const steps = guarded(name, store, cacheOperations, bare)
  const parts = { ...cacheParts(declaration, surroundings), steps, spare: undefined, stored: () => {} }
  const { form } = parts
  const client = openCache({
    ...parts,
    pattern,
    names: cacheNames(pattern),
    loader: createLoader({ ...parts, fleet: undefined }),
    open: ({ stored, tags }) => form.open(stored, tags),
    near: undefined,
    owed: () => false,
  })
  return { client, figures: () => figuresOf(parts.counting), close: async () => {} }
}
