import { formatDuration } from '../../base/duration.ts'
import type { Json } from '../../base/json.ts'
import type { SessionSettings } from './settings.ts'

/** What `describe` prints of sessions. */
export function factsOf(settings: SessionSettings): Record<string, Json> {
  const { codec, ttlMs, absoluteMs, touchEveryMs, graceMs, perUser, hashed, announce } = settings
  return {
    ttl: formatDuration(ttlMs),
    absolute: Number.isFinite(absoluteMs) ? formatDuration(absoluteMs) : null,
    touchEvery: formatDuration(touchEveryMs),
    rotateGrace: graceMs > 0 ? formatDuration(graceMs) : null,
    value: codec.name,
    idInKey: hashed ? 'hash' : 'plain',
    announce: announce ?? null,
    perUser: perUser ? { max: perUser.max ?? null } : null,
  }
}
