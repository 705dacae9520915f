import type { CallOptions } from '../../base/call.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'

/** How often something is asked for before giving up. */
export interface LeaseRetry {
  /** Default: 3. */
  attempts?: number | undefined
  /** Between two of them. Default: 200 ms. */
  delay?: Duration | undefined
}

/** The same in milliseconds, with its defaults. */
export interface RetrySettings {
  readonly attempts: number
  readonly delayMs: number
}

export interface AcquireOptions extends CallOptions {
  /** Overrides the declared number of attempts. */
  attempts?: number | undefined
  /** Overrides the declared delay between them. */
  delay?: Duration | undefined
  /** The longest wait for another holder to let go. Default: `attempts` × `delay`, else `deadline`, else 10 s. */
  wait?: Duration | undefined
}

/** How long and how often a caller asks. Milliseconds. */
export interface Patience {
  /** The longest wait for another holder. */
  readonly wait: number
  /** Bound of the whole call, requests to Redis included, if its caller set one. */
  readonly deadline: number | undefined
  /** The pause until the next try where no notice comes. */
  poll(): number
}

const defaultWait = 10_000
const defaultPoll = 250

/**
 * @param path stands before the name of each, for the error
 * @throws KeyplanError PARAM_INVALID
 */
export function retryOf({ attempts = 3, delay = '200ms' }: LeaseRetry, path = ''): RetrySettings {
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new KeyplanError('PARAM_INVALID', `${path}attempts is ${shown(attempts)}; it must be a whole number from 1`)
  }
  return { attempts, delayMs: durationMs(delay, `${path}delay`, shown) }
}

/** @throws KeyplanError PARAM_INVALID */
export function patienceOf(declared: RetrySettings | undefined, options: AcquireOptions): Patience {
  const deadline = options.deadline === undefined ? undefined : durationMs(options.deadline, 'deadline', shown)
  const wait = options.wait === undefined ? undefined : durationMs(options.wait, 'wait', shown)
  const bounded = (ms: number) => Math.min(ms, deadline ?? ms)
  if (declared || options.attempts !== undefined || options.delay !== undefined) {
    const { attempts, delayMs } = retryOf({
      attempts: options.attempts ?? declared?.attempts,
      delay: options.delay ?? (declared && `${declared.delayMs}ms`),
    })
    return { wait: bounded(wait ?? attempts * delayMs), deadline, poll: () => delayMs }
  }
  return {
    wait: bounded(wait ?? deadline ?? defaultWait),
    deadline,
    // Spread by a fifth, so that processes that began together do not keep asking together.
    poll: () => defaultPoll * (0.8 + 0.4 * Math.random()),
  }
}

/** The options of a store call that may take this long. */
export function within(ms: number | undefined, signal?: AbortSignal): CallOptions {
  return { signal, deadline: ms === undefined ? undefined : (`${Math.max(1, Math.floor(ms))}ms` as Duration) }
}
