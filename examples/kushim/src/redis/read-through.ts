import type { CacheEntry } from 'keyplan'
import type { Changes } from './changes.ts'

export interface Cached<T> {
  readonly value: T
  /** It came from the cache. */
  readonly hit: boolean
}

/** Reads through the cache, except while it may hold what a change during an outage has outdated. */
export async function readThrough<T>(
  changes: Pick<Changes, 'settled'>,
  entry: CacheEntry<T, T>,
  load: () => Promise<T | undefined>,
): Promise<Cached<T | undefined>> {
  if (!changes.settled) return { value: await load(), hit: false }
  const cached = await entry.get()
  if (cached !== undefined) return { value: cached, hit: true }
  return { value: await entry.getOrLoad(load), hit: false }
}
