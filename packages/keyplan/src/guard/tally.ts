import type { ErrorCode } from '../base/error.ts'
import { createHistogram, type Histogram } from './histogram.ts'

/** What became of the operations of a namespace since the client was opened. */
export interface OperationStats {
  /** Calls; of those that were gathered into one, each key counts. */
  readonly operations: number
  /** Calls that failed, by the code of their error, also where `whenDown` then answered for Redis. */
  readonly errors: Readonly<Partial<Record<ErrorCode, number>>>
  /** Tries beyond the first. */
  readonly retries: number
  /** Calls answered by `whenDown`. */
  readonly fallbacks: number
  /** From the call to its end, retries included: milliseconds, at most an eighth too high. */
  readonly latency: { readonly mean: number; readonly p99: number }
}

/** Counts for one namespace, or for all. */
export interface Count {
  ended(calls: number, ms: number): void
  failed(calls: number, code: ErrorCode): void
  retried(): void
  fellBack(calls: number): void
  readonly stats: OperationStats
}

/** Counts what the guard sees, by namespace. */
export interface Tally {
  of(namespace: string): Count
  readonly namespaces: ReadonlyMap<string, Count>
  readonly all: Count
}

export function createTally(): Tally {
  const namespaces = new Map<string, Count>()
  const all = createCount()
  return {
    of(namespace) {
      let count = namespaces.get(namespace)
      if (!count) {
        count = createCount(all)
        namespaces.set(namespace, count)
      }
      return count
    },
    namespaces,
    all,
  }
}

function createCount(total?: Count): Count {
  const latency: Histogram = createHistogram()
  const errors: Partial<Record<ErrorCode, number>> = {}
  let operations = 0
  let retries = 0
  let fallbacks = 0
  return {
    ended(calls, ms) {
      operations += calls
      latency.add(ms, calls)
      total?.ended(calls, ms)
    },
    failed(calls, code) {
      errors[code] = (errors[code] ?? 0) + calls
      total?.failed(calls, code)
    },
    retried() {
      retries++
      total?.retried()
    },
    fellBack(calls) {
      fallbacks += calls
      total?.fellBack(calls)
    },
    get stats() {
      const { mean } = latency
      return { operations, errors: { ...errors }, retries, fallbacks, latency: { mean, p99: latency.quantile(0.99) } }
    },
  }
}
