import type { CacheSettings } from './settings.ts'

const dayMs = 86_400_000

/** What the server is told of the tags of a value, in milliseconds. */
export interface TagLifetime {
  /** How long a tag is kept from now on, when it begins or is prolonged. */
  readonly tagTtl: number
  /** It is prolonged when it has less left. */
  readonly tagLeft: number
}

/**
 * When a tag is forgotten, the values that carry it are outdated; so it outlives them all. By half a day and more beyond what
 * it has to, so that a busy tag is seldom prolonged.
 *
 * @returns of a value that the server keeps for so long, or of any that has no time to live of its own
 */
export function tagLifetimes(settings: CacheSettings): (keptMs?: number) => TagLifetime {
  const { ttlMs, staleWhileRevalidateMs, staleIfErrorMs } = settings
  const lifetime = (keptMs: number) => ({ tagTtl: keptMs + 3 * ttlMs + dayMs, tagLeft: keptMs + dayMs / 2 })
  const usualMs = ttlMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs)
  const usual = lifetime(usualMs)
  return (keptMs = 0) => (keptMs > usualMs ? lifetime(keptMs) : usual)
}
