import type { CacheSettings } from './settings.ts'

/** How long a value lives that is given no time of its own: what was stored together does not expire together. */
export function lifetimeOf({ ttlMs, jitter }: Pick<CacheSettings, 'ttlMs' | 'jitter'>): number {
  return jitter === 0 ? ttlMs : Math.max(1, Math.round(ttlMs * (1 - jitter * Math.random())))
}
