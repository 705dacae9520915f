export type { CallOptions } from './base/call.ts'
export { bytes } from './base/codec/bytes.ts'
export { codecOf, type InputOf, type OutputOf, type ValueSource } from './base/codec/codec-of.ts'
export { type CompressionOptions, compressed } from './base/codec/compressed.ts'
export type { HeadedCodec } from './base/codec/headed.ts'
export { json } from './base/codec/json.ts'
export { number } from './base/codec/number.ts'
export type { StandardSchema } from './base/codec/schema.ts'
export { text } from './base/codec/text.ts'
export { type VectorCodec, type VectorOptions, vector } from './base/codec/vector.ts'
export { type VersionOptions, versioned } from './base/codec/versioned.ts'
export type { Codec, Stored } from './base/codec.ts'
export { type Duration, durationMs, formatDuration } from './base/duration.ts'
export {
  type ErrorClass,
  type ErrorCode,
  errorTable,
  isKeyplanError,
  isUnavailable,
  KeyplanError,
  type Outcome,
} from './base/error.ts'
export type { Json } from './base/json.ts'
export { type Size, sizeBytes } from './base/size.ts'
export {
  type CacheDeclaration,
  type CacheEntry,
  type CacheNamespace,
  type Certainty,
  cache,
  type LoadContext,
  type Loader,
} from './kinds/cache/contract.ts'
export type { CacheFigures } from './kinds/cache/figures.ts'
export type { CacheOptions, NearOptions } from './kinds/cache/options.ts'
export type { Unchanged } from './kinds/cache/unchanged.ts'
export {
  type AcquireOptions,
  type Held,
  type Lock,
  type LockDeclaration,
  type LockNamespace,
  type LockOptions,
  type LockState,
  lock,
} from './kinds/lock/contract.ts'
export type { LockRetry } from './kinds/lock/settings.ts'
export {
  type ConsumeOptions,
  type RateLimit,
  type RateLimitDeclaration,
  type RateLimitNamespace,
  type RateLimitOptions,
  type RateLimitResult,
  type RateLimitWhenDown,
  rateLimit,
} from './kinds/rate-limit/contract.ts'
export type { RateLimitAlgorithm } from './kinds/rate-limit/policy.ts'
export {
  type AppendOptions,
  type BatchOptions,
  type Cause,
  type DeadLetter,
  type DeadLetters,
  type GroupState,
  type Message,
  type SourceHealth,
  type SourceState,
  type Stream,
  type StreamDeclaration,
  type StreamNamespace,
  type StreamOptions,
  stream,
  type Worker,
  type WorkerFigures,
  type WorkOptions,
} from './kinds/stream/contract.ts'
export type { Declaration, Durability, NamespaceOptions } from './plan/declaration.ts'
export { definePlan, type PlanOptions, withPrefix } from './plan/define.ts'
export { describe, type NamespaceDescription, type PlanDescription } from './plan/describe.ts'
export { type ForeignDeclaration, type ForeignOptions, foreign, isForeign } from './plan/foreign.ts'
export type { ParamName, Params } from './plan/params.ts'
export { type HelperMatch, helperGlob, helperKey, matchHelper } from './plan/pattern/helper-key.ts'
export { type PatternOptions, parsePattern } from './plan/pattern/parse.ts'
export type { ParamPart, ParamValues, Part, Pattern } from './plan/pattern/pattern.ts'
export { isPlan, type Namespaces, type Plan } from './plan/plan.ts'
