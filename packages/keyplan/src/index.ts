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
  type Channel,
  type ChannelDeclaration,
  type ChannelGap,
  type ChannelHandler,
  type ChannelNamespace,
  type ChannelSubscription,
  channel,
  type Delivery,
  type Published,
  type SubscribeOptions,
} from './kinds/channel/contract.ts'
export type { ChannelFigures } from './kinds/channel/figures.ts'
export type { ChannelOptions } from './kinds/channel/options.ts'
export type { DocumentChange } from './kinds/document/announcing.ts'
export {
  type Comparison,
  type Document,
  type DocumentDeclaration,
  type DocumentNamespace,
  type DocumentOptions,
  type DocumentSubscribeOptions,
  type DocumentSubscription,
  type DocumentUpdateOptions,
  document,
  type Snapshot,
} from './kinds/document/contract.ts'
export type { MergePatch } from './kinds/document/merge-patch.ts'
export {
  type Feed,
  type FeedDeclaration,
  type FeedEntry,
  type FeedNamespace,
  type FollowOptions,
  feed,
  type LogGap,
  type RangeOptions,
} from './kinds/feed/contract.ts'
export type { FeedFigures } from './kinds/feed/figures.ts'
export type { FeedOptions, Keep } from './kinds/feed/options.ts'
export {
  type AcquireOptions,
  type ConfirmOptions,
  type ForceOptions,
  type Held,
  type HeldSet,
  type Holder,
  type IntervalRun,
  type Leadership,
  type LeadOptions,
  type LeaseFigures,
  type Lock,
  type LockDeclaration,
  type LockInspection,
  type LockNamespace,
  type LockOptions,
  type LockRetry,
  type LockSet,
  type LockState,
  lock,
  type OncePerOptions,
  type OncePerResult,
  type QuorumChoice,
  type QuorumLock,
  type QuorumOptions,
  type SingleLocks,
  type Term,
} from './kinds/lock/contract.ts'
export {
  type HeldShare,
  type ReadLock,
  type ReadWriteLock,
  type ReadWriteLockDeclaration,
  type ReadWriteLockNamespace,
  type ReadWriteLockOptions,
  readWriteLock,
  type WriteLock,
} from './kinds/lock/read-write/contract.ts'
export {
  type Once,
  type OnceAnswer,
  type OnceCallOptions,
  type OnceDeclaration,
  type OnceNamespace,
  type OnceOptions,
  type OnceRun,
  type OnceView,
  type OnceWork,
  once,
} from './kinds/once/contract.ts'
export type { Committed } from './kinds/once/effects.ts'
export type { KeptFailure } from './kinds/once/failure.ts'
export type { BlockOptions } from './kinds/rate-limit/block-policy.ts'
export type {
  Concurrency,
  ConcurrencyCallOptions,
  ConcurrencyDeclaration,
  ConcurrencyNamespace,
  ConcurrencyOptions,
  Permit,
  Refusal,
} from './kinds/rate-limit/concurrency/contract.ts'
export type {
  ConsumeOptions,
  RateLimit,
  RateLimitDeclaration,
  RateLimitNamespace,
  RateLimitOptions,
  RateLimitResult,
  Terms,
} from './kinds/rate-limit/contract.ts'
export type { Limited, RateLimitFigures } from './kinds/rate-limit/counters.ts'
export { rateLimit } from './kinds/rate-limit/declaration.ts'
export type { Guests } from './kinds/rate-limit/guests.ts'
export type { PolicyOptions, RateLimitAlgorithm } from './kinds/rate-limit/policy.ts'
export type { RateLimitWhenDown } from './kinds/rate-limit/settings.ts'
export type { LimitOverride } from './kinds/rate-limit/tiers.ts'
export type {
  FindOptions,
  MemberQuery,
  PickOptions,
  Registry,
  RegistryChange,
  RegistryEntry,
  RegistryEvent,
  RegistryMember,
  RegistryNamespace,
} from './kinds/registry/contract.ts'
export { type RegistryDeclaration, registry } from './kinds/registry/declaration.ts'
export type { RegistryFigures } from './kinds/registry/figures.ts'
export type { JoinOptions, MemberContents, Membership } from './kinds/registry/membership/contract.ts'
export type { RegistryIndex, RegistryOptions, RegistryWhenDown } from './kinds/registry/options.ts'
export {
  type PermitOptions,
  type Semaphore,
  type SemaphoreDeclaration,
  type SemaphoreNamespace,
  type SemaphoreOptions,
  type SemaphoreState,
  semaphore,
  type TryPermitOptions,
} from './kinds/semaphore/contract.ts'
export type { SessionEvent } from './kinds/session/announcing.ts'
export type { Binding, BindOptions, SessionSocket } from './kinds/session/binding.ts'
export {
  type CreateOptions,
  type ReadOptions,
  type RotateOptions,
  type Session,
  type SessionChange,
  type SessionDeclaration,
  type SessionDevice,
  type SessionEntry,
  type SessionInfo,
  type SessionNamespace,
  type SessionPatch,
  session,
  type UpdateOptions,
  type UserSessions,
} from './kinds/session/contract.ts'
export type { SessionOptions, SessionWhenDown } from './kinds/session/options.ts'
export {
  type AppendOptions,
  type Stream,
  type StreamDeclaration,
  type StreamNamespace,
  type StreamOptions,
  stream,
} from './kinds/stream/contract.ts'
export type { DeadLetter, DeadLetters } from './kinds/stream/dead-letter.ts'
export type { Cause } from './kinds/stream/delivery.ts'
export type { GroupFigures, StreamFigures } from './kinds/stream/figures.ts'
export type { GroupState } from './kinds/stream/store.ts'
export type {
  BatchOptions,
  Message,
  SourceHealth,
  SourceState,
  Worker,
  WorkerFigures,
  WorkOptions,
} from './kinds/stream/work-contract.ts'
export type { Declaration, Durability, NamespaceOptions } from './plan/declaration.ts'
export { definePlan, type PlanOptions, withPrefix } from './plan/define.ts'
export { describe, type NamespaceDescription, type PlanDescription } from './plan/describe.ts'
export { type ForeignDeclaration, type ForeignOptions, foreign, isForeign } from './plan/foreign.ts'
export type { ParamName, Params } from './plan/params.ts'
export { type HelperMatch, helperGlob, helperKey, matchHelper } from './plan/pattern/helper-key.ts'
export { type PatternOptions, parsePattern } from './plan/pattern/parse.ts'
export type { ParamPart, ParamValues, Part, Pattern } from './plan/pattern/pattern.ts'
export { isPlan, type Namespaces, type Plan } from './plan/plan.ts'
