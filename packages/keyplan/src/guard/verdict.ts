import { errorTable, isKeyplanError, isUnavailable, KeyplanError } from '../base/error.ts'
import type { Operation } from './operation.ts'

/** An earlier try may have run, whatever became of the last one. */
export function asUnknown(error: unknown): unknown {
  if (!isKeyplanError(error) || error.outcome === 'unknown') return error
  const { code, message, cause, problems } = error
  return new KeyplanError(code, message, { outcome: 'unknown', cause, problems })
}

type Verdict = 'failed' | 'lost' | 'succeeded' | 'abandoned'

/**
 * What an error says of the server. Only a link that does not answer speaks against it: an error reply shows that it
 * lives. A caller who left, or gave less time than a try takes, says nothing.
 */
export function verdict(error: unknown, impatient: boolean): Verdict {
  if (!isKeyplanError(error)) return 'succeeded'
  if (error.code === 'ABORTED' || (error.code === 'TIMEOUT' && impatient)) return 'abandoned'
  if (error.code === 'CLOSED' || error.code === 'OVERLOADED') return 'abandoned'
  if (errorTable[error.code].class !== 'link') return 'succeeded'
  return error.outcome === 'unknown' && error.code !== 'TIMEOUT' ? 'lost' : 'failed'
}

/**
 * A server that refuses for now (LOADING, OOM, …) is given time. Whoever lost the link asks at once: the call is held
 * until there is one, and ahead of the calls that are made from now on.
 */
export function restAfter(error: unknown, pause: number): number {
  if (!isKeyplanError(error)) return 0
  const linkLost = error.code === 'DISCONNECTED' || error.outcome === 'unknown'
  return linkLost && errorTable[error.code].class === 'link' ? 0 : pause
}

/** A call that has a fallback is never retried: its answer is at hand. */
export function mayRetry(error: unknown, operation: Operation): error is KeyplanError {
  if (!isKeyplanError(error) || !error.retryable || error.code === 'BREAKER_OPEN') return false
  if (!isUnavailable(error) || error.code === 'OVERLOADED') return false
  return error.outcome === 'not-executed' || operation.idempotent
}
