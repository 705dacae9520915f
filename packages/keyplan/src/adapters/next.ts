export {
  type NextCacheControl,
  type NextCacheEntry,
  type NextCacheHandler,
  type NextGetContext,
  type NextSetContext,
  nextCacheHandler,
} from './next/handler.ts'
export type { Durations } from './next/tags.ts'
export { type NextUseCacheEntry, type NextUseCacheHandler, nextUseCacheHandler } from './next/use-cache.ts'
export type { NextValue } from './next/value.ts'
