import type { Call, CallOptions } from '../base/call.ts'
import { type Clock, realClock } from '../base/clock.ts'
import { errorTable, isKeyplanError, isUnavailable, type KeyplanError } from '../base/error.ts'
import { keyMark } from '../base/key-mark.ts'
import type { Breaker } from './breaker.ts'
import { aborted } from './deadline.ts'
import type { Operation } from './operation.ts'
import type { Patience } from './patience.ts'
import { createRetry } from './retry.ts'
import { type Count, createTally, type Tally } from './tally.ts'
import { traced } from './trace.ts'
import type { Whom } from './whom.ts'

/** What is being done, for traces and errors. */
export interface Subject {
  readonly namespace: string
  /** The step of the store, e.g. `acquire`. */
  readonly name: string
  readonly operation: Operation
}

/** What an operation is about, where there is a choice of servers or several calls are done as one. */
export interface Scope {
  /** A key it concerns: what is known of that key's server decides whether it is tried. */
  readonly key?: string | undefined
  /** How many calls it stands for. Default 1. */
  readonly calls?: number
  /** What each of them is about, in order: keys, or objects with one. */
  readonly subjects?: readonly unknown[]
}

/** Resilience and telemetry round one operation: trace, then fallback, then breaker, then deadline and retries. */
export interface Guard {
  /**
   * Runs `work` until it succeeds, its outcome forbids another try, or the deadline is near. When Redis cannot
   * serve it (`isUnavailable`), `fallback` answers instead, if there is one.
   *
   * @throws KeyplanError with the namespace, the operation and the outcome
   */
  run<T>(
    subject: Subject,
    options: CallOptions | undefined,
    work: (call: Call) => Promise<T>,
    fallback?: (call: Call) => Promise<T>,
    scope?: Scope,
  ): Promise<T>
}

interface GuardParts {
  readonly patience: Patience
  breakerOf(key: string | undefined): Breaker
  /** The server of a key, to be named in errors. */
  whom?: ((key: string | undefined) => Whom) | undefined
  readonly tally: Tally
  readonly clock: Clock
  fellBack(subject: Subject, error: KeyplanError): void
}

const one: Scope = {}

export function createGuard({ patience, breakerOf, whom, tally, clock, fellBack }: GuardParts): Guard {
  const retry = createRetry(patience, breakerOf, clock, whom)

  return {
    run: (subject, options, work, fallback, { key, calls = 1, subjects } = one) =>
      traced(subject, () => {
        const count = tally.of(subject.namespace)
        const begun = clock.now()
        const terms = { operation: subject.operation, options, fallback: fallback !== undefined, key, begun }
        return new Promise((resolve, reject) =>
          retry(terms, work, {
            retried: count.retried,
            succeeded(result) {
              count.ended(calls, clock.now() - begun)
              resolve(failuresCounted(result, { calls, subjects }, count, subject))
            },
            failed(error) {
              if (isKeyplanError(error)) count.failed(calls, error.code)
              name(error, subject, calls === 1 ? (subjects?.[0] ?? key) : undefined)
              const ended = () => count.ended(calls, clock.now() - begun)
              if (!fallback || !isUnavailable(error)) {
                ended()
                return reject(error)
              }
              count.fellBack(calls)
              fellBack(subject, error)
              const call: Call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }
              resolve(fallback(call).finally(ended))
            },
          }),
        )
      }),
  }
}

/** A guard for stores that have no server to fail: it traces, counts, and honours the caller's signal. */
export function createBareGuard(tally = createTally(), clock = realClock): Guard {
  return {
    run: (subject, options, work, _fallback, { key, calls = 1, subjects } = one) =>
      traced(subject, async () => {
        const count = tally.of(subject.namespace)
        const begun = clock.now()
        try {
          const { signal } = options ?? {}
          if (signal?.aborted) throw aborted()
          const call: Call = { expires: Number.POSITIVE_INFINITY, hold: false, signal, written: 0 }
          return failuresCounted(await work(call), { calls, subjects }, count, subject)
        } catch (error) {
          if (isKeyplanError(error)) count.failed(calls, error.code)
          name(error, subject, calls === 1 ? (subjects?.[0] ?? key) : undefined)
          throw error
        } finally {
          count.ended(calls, clock.now() - begun)
        }
      }),
  }
}

/** Of several calls that were done as one, those that failed for themselves have their error as their result. */
function failuresCounted<T>(result: T, { calls, subjects }: Scope, count: Count, subject: Subject): T {
  if (!Array.isArray(result) || result.length !== calls) return result
  for (const [index, one] of result.entries()) {
    if (!isKeyplanError(one)) continue
    count.failed(1, one.code)
    name(one, subject, subjects?.[index])
  }
  return result
}

function name(error: unknown, { namespace, name }: Subject, about: unknown): void {
  if (!isKeyplanError(error)) return
  error.namespace ??= namespace
  error.operation ??= name
  // What is wrong with a server is wrong with all keys.
  const key = errorTable[error.code].class === 'server' ? keyOf(about) : undefined
  if (key !== undefined) error.mark ??= keyMark(key)
}

/** What an operation is about: its key, or an object that has it. */
export function keyOf(subject: unknown): string | undefined {
  if (typeof subject === 'string') return subject
  return typeof subject === 'object' && subject !== null && 'key' in subject ? (subject.key as string) : undefined
}
