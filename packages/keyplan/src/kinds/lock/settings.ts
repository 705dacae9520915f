import { collect } from '../../base/collect.ts'
import { type Duration, durationMs, formatDuration } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import { groupProblems } from '../../base/option-group.ts'
import { type LeaseRetry, type RetrySettings, retryOf } from '../../mechanisms/lease/patience.ts'
import { ttlOf } from '../../mechanisms/lease/ttl.ts'

/** The options with their defaults, in milliseconds. */
export interface LockSettings {
  readonly ttlMs: number
  readonly retry: RetrySettings | undefined
  readonly renew: boolean
  /** Undefined where one server decides. */
  readonly quorum?: QuorumSettings | undefined
  readonly confirm?: Confirmation | undefined
}

export interface QuorumSettings {
  /** How long a server must have been up before it votes. */
  readonly restMs: number
}

/** How many replicas must have a lock before it counts as acquired. */
export interface Confirmation {
  readonly replicas: number
  readonly timeoutMs: number
}

export interface ConfirmOptions {
  /** Default: 1. */
  replicas?: number
  /** 1 ms to 2 s. Default: 500 ms. */
  timeout?: Duration
}

/** A slice of what may block on the wire. */
const longestConfirmation = 2_000

export function confirmOf(confirm: ConfirmOptions | undefined, problems: string[]): Confirmation | undefined {
  if (confirm === undefined) return undefined
  problems.push(...groupProblems(confirm, 'confirm', ['replicas', 'timeout']))
  return confirm && collect(problems, () => confirmationOf(confirm), undefined)
}

/** @throws KeyplanError PARAM_INVALID */
function confirmationOf({ replicas = 1, timeout = '500ms' }: ConfirmOptions): Confirmation {
  if (!Number.isSafeInteger(replicas) || replicas < 1) {
    throw new KeyplanError('PARAM_INVALID', `confirm.replicas is ${shown(replicas)}; it must be a whole number from 1`)
  }
  const timeoutMs = durationMs(timeout, 'confirm.timeout', shown)
  if (timeoutMs >= 1 && timeoutMs <= longestConfirmation) return { replicas, timeoutMs }
  throw new KeyplanError('PARAM_INVALID', `confirm.timeout is ${timeout}; it may be 1ms to 2s`)
}

/** Reads the options that all locks have; what is wrong with them goes to `problems`. */
export function settingsOf(
  { ttl, retry, renew }: { ttl: Duration; retry: LeaseRetry | undefined; renew: boolean },
  problems: string[],
): LockSettings {
  const ttlMs = collect(problems, () => ttlOf(ttl, 'lock'), 1_000)
  if (retry !== undefined) problems.push(...groupProblems(retry, 'retry', ['attempts', 'delay']))
  const patience = retry && collect(problems, () => retryOf(retry, 'retry.'), undefined)
  if (typeof renew !== 'boolean') problems.push(`renew is ${shown(renew)}; write true or false`)
  return { ttlMs, retry: patience, renew }
}

export function factsOf({ ttlMs, retry, renew, confirm }: LockSettings): { [name: string]: Json } {
  return {
    ttl: formatDuration(ttlMs),
    renew,
    retry: retry ? { attempts: retry.attempts, delay: formatDuration(retry.delayMs) } : null,
    ...(confirm && { confirm: { replicas: confirm.replicas, timeout: formatDuration(confirm.timeoutMs) } }),
  }
}

export function quorumOf(
  quorum: boolean | { restartDelay?: Duration | undefined } | undefined,
  problems: string[],
): QuorumSettings | undefined {
  if (quorum === undefined || quorum === false) return undefined
  if (quorum === true) return { restMs: 0 }
  if (typeof quorum !== 'object') {
    problems.push(`quorum is ${shown(quorum)}; write true, false or { restartDelay }`)
    return undefined
  }
  problems.push(...groupProblems(quorum, 'quorum', ['restartDelay']))
  const { restartDelay } = quorum ?? {}
  if (restartDelay === undefined) return { restMs: 0 }
  return { restMs: collect(problems, () => durationMs(restartDelay, 'quorum.restartDelay', shown), 0) }
}
