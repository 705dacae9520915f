import { describe, expect, test } from 'vitest'
import type { Client } from '../../src/client/index.ts'
import type { CacheEntry } from '../../src/index.ts'
import type { Namespaces } from '../../src/plan/plan.ts'
import type { DocumentSystem } from './document-system.ts'

/** One key that a document names. */
export interface DocumentKey<Redis, T> {
  /** As it stands on the server, prefix included. */
  readonly key: string
  readonly ttlMs: number
  readonly entry: (redis: Redis) => CacheEntry<T, T>
  readonly value: T
  /** What other services find there. Default: the value as JSON. */
  readonly stored?: Uint8Array
}

/** Minutes on a busy machine: what a key may have lost of its time to live before it is looked at. */
const margin = 120_000

/** Registers what holds for every key of a document. */
export function documentKeys<N extends Namespaces, T>(
  system: DocumentSystem<N>,
  keys: readonly DocumentKey<Client<N>, T>[],
): void {
  describe.each(keys)('$key', ({ key, ttlMs, entry, value, stored = Buffer.from(JSON.stringify(value)) }) => {
    const isThere = async () => {
      const { other } = system
      expect(await other.keys()).toEqual([key])
      expect(await other.get(key)).toEqual(Buffer.from(stored))
      const lifetime = await other.lifetime(key)
      expect(lifetime).toBeLessThanOrEqual(ttlMs)
      expect(lifetime).toBeGreaterThan(ttlMs - margin)
    }

    test('is what lies on the server when a value was set, in its form and for its time', async () => {
      expect(await entry(system.redis).set(value)).toBe('done')
      await isThere()
      expect(await entry(await system.start()).get()).toEqual(value)
    })

    test('is what lies on the server when a value was loaded', async () => {
      expect(await entry(system.redis).getOrLoad(() => value)).toEqual(value)
      await isThere()
      const again = await entry(system.redis).getOrLoad(() => Promise.reject(new Error('it is cached')))
      expect(again).toEqual(value)
    })

    test('is read when another service wrote it, and keeps the time that one gave it', async () => {
      await system.other.set(key, stored, 1_000)
      expect(await entry(system.redis).get()).toEqual(value)
      expect(await entry(system.redis).has()).toBe(true)
      expect(await system.other.lifetime(key)).toBeGreaterThan(1_000_000 - margin)
    })

    test('is a miss when another service deleted it, and is then loaded', async () => {
      await entry(system.redis).set(value)
      await system.other.delete(key)
      expect(await entry(system.redis).get()).toBeUndefined()
      expect(await entry(system.redis).getOrLoad(() => value)).toEqual(value)
      await isThere()
    })

    test('is gone for every service when the application deleted it', async () => {
      await system.other.set(key, stored, 1_000)
      expect(await entry(system.redis).delete()).toBe('done')
      expect(await system.other.get(key)).toBeUndefined()
    })
  })
}
