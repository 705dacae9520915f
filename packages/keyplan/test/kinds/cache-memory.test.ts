import { handClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { guarded } from '../../src/guard/guarded.ts'
import { cache } from '../../src/kinds/cache/contract.ts'
import { formOf } from '../../src/kinds/cache/form.ts'
import { openCache } from '../../src/kinds/cache/handle.ts'
import { createLoader } from '../../src/kinds/cache/loader.ts'
import { createMemoryCacheStore } from '../../src/kinds/cache/memory.ts'
import { cacheNames } from '../../src/kinds/cache/names.ts'
import { cacheOperations } from '../../src/kinds/cache/store.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { type Cache, type CacheHarness, cacheConformance, declared, type Options } from '../conformance/cache.ts'

const pattern = parsePattern('value:<id>')

/** Several clients over one store, as it would be between processes. */
async function memoryHarness(): Promise<CacheHarness> {
  const clock = handClock()
  const store = createMemoryCacheStore(clock)
  return {
    async client(options?: Partial<Options>) {
      const { options: settings } = cache('value:<id>', { ...declared, ...options })
      const steps = guarded('values', store, cacheOperations, createBareGuard())
      const hooks = { stored() {}, onUndecodable() {}, onOversized() {} }
      const form = formOf(settings, hooks.onUndecodable)
      const parts = { settings, steps, lane: undefined, spare: undefined, form, ...hooks, clock }
      const names = cacheNames(pattern)
      return openCache({
        ...parts,
        pattern,
        names,
        loader: createLoader(parts),
        credible: () => true,
        owed: () => false,
      }) as unknown as Cache
    },
    plant: (id, stored) => store.write(anyCall, `value:${id}`, stored, 60_000, []),
    advance: ms => clock.advance(ms),
    close: async () => {},
  }
}

const anyCall = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

cacheConformance('memory', memoryHarness)
