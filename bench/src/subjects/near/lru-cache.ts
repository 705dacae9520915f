import { LRUCache } from 'lru-cache'
import { keyCount, keyOf, load, sampleOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'

/** A map in the process that nobody else knows of: an upper bound, and no use to a second instance. */
export const lruCache: SubjectKind = {
  name: 'lru-cache',
  clients: ['alone'],
  async open({ case: name }) {
    const values = new LRUCache<string, object>({ max: 2 * keyCount })
    for (let i = 0; i < keyCount; i++) values.set(keyOf(i), sampleOf(name, i) as object)
    const get = async (i: number) => values.get(keyOf(i))
    const getOrLoad = async (i: number) => values.get(keyOf(i)) ?? load(i)
    return { run: name.startsWith('getOrLoad') ? getOrLoad : get, close: async () => {} }
  },
}
