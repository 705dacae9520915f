export { type GivenKey, parseIdempotencyKey } from './idempotency/key.ts'
export { idempotent, type NodeIdempotencyOptions } from './idempotency/node.ts'
export {
  createIdempotency,
  type Idempotency,
  type IdempotencyNamespace,
  type IdempotencyVerdict,
  type IdempotentRequest,
  type IdempotentRun,
} from './idempotency/requests.ts'
export type { HttpAnswer, ProducedResponse } from './idempotency/response.ts'
export { idempotencyOf } from './idempotency/runs.ts'
export {
  type IdempotencyOptions,
  type IdempotencySettings,
  settingsOf as idempotencySettings,
} from './idempotency/settings.ts'
