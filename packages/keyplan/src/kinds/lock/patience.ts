import type { CallOptions } from '../../base/call.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { AcquireOptions } from './contract.ts'
import { type LockSettings, retryOf } from './settings.ts'

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

/** @throws KeyplanError PARAM_INVALID */
export function patienceOf(settings: LockSettings, options: AcquireOptions): Patience {
  const deadline = options.deadline === undefined ? undefined : durationMs(options.deadline, 'deadline', shown)
  const wait = options.wait === undefined ? undefined : durationMs(options.wait, 'wait', shown)
  const bounded = (ms: number) => Math.min(ms, deadline ?? ms)
  if (settings.retry || options.attempts !== undefined || options.delay !== undefined) {
    const { attempts, delayMs } = retryOf({
      attempts: options.attempts ?? settings.retry?.attempts,
      delay: options.delay ?? (settings.retry && `${settings.retry.delayMs}ms`),
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
