import { isHeaded } from '../../base/codec/headed.ts'
import { formatDuration } from '../../base/duration.ts'
import type { Json } from '../../base/json.ts'
import { type CacheSettings, isMarked } from './settings.ts'

/** What `describe` prints. */
export function factsOf(settings: CacheSettings): { readonly [name: string]: Json } {
  const { codec, tags, acrossProcesses, loadTimeout, near } = settings
  const time = (ms: number) => (ms === 0 || ms === Number.POSITIVE_INFINITY ? null : formatDuration(ms))
  return {
    ttl: formatDuration(settings.ttlMs),
    jitter: settings.jitter,
    staleWhileRevalidate: time(settings.staleWhileRevalidateMs),
    staleIfError: time(settings.staleIfErrorMs),
    earlyRefresh: settings.earlyRefresh ?? null,
    negativeTtl: time(settings.negativeTtlMs),
    loadTimeout: { soft: time(loadTimeout.softMs), hard: time(loadTimeout.hardMs) },
    acrossProcesses: acrossProcesses ? { wait: formatDuration(acrossProcesses.waitMs) } : false,
    near: near
      ? { max: near.max, maxBytes: near.maxBytes, ttl: formatDuration(near.ttlMs), frozen: near.frozen }
      : false,
    maxBytes: settings.maxBytes === Number.POSITIVE_INFINITY ? null : settings.maxBytes,
    maxLoadsWhenDown: settings.maxLoadsWhenDown,
    value: codec?.name ?? null,
    form: isMarked(settings) || (codec && isHeaded(codec)) ? 'headed' : 'plain',
    tags: tags !== undefined,
    loaderTags: settings.loaderTags,
    loadWindow: formatDuration(settings.loadWindowMs),
    replica: settings.replica,
  }
}
