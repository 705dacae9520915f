import { handClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { type CacheDeclaration, cache } from '../../src/kinds/cache/contract.ts'
import { openInProcess } from '../../src/kinds/cache/in-process.ts'
import { createMemoryCacheStore } from '../../src/kinds/cache/memory.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { type Cache, type CacheHarness, cacheConformance, declared, type Options } from '../conformance/cache.ts'

const surroundings = {
  name: 'values',
  pattern: parsePattern('value:<id>'),
  instance: 'here',
  server: undefined,
  bare: createBareGuard(),
  notify() {},
}

/** Several clients over one store, as it would be between processes. */
async function memoryHarness(): Promise<CacheHarness> {
  const clock = handClock()
  const store = createMemoryCacheStore(clock)
  return {
    async client(options?: Partial<Options>) {
      const declaration = cache('value:<id>', { ...declared, ...options }) as CacheDeclaration
      return openInProcess(declaration, { ...surroundings, clock }, store).client as unknown as Cache
    },
    plant: (id, stored) => store.write(anyCall, `value:${id}`, stored, 60_000, []),
    advance: ms => clock.advance(ms),
    close: async () => {},
  }
}

const anyCall = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

cacheConformance('memory', memoryHarness)
