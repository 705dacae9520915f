import { durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'
import type { LoadContext } from './contract.ts'
import type { Content, Opened } from './form.ts'
import type { Found } from './reads.ts'
import { unchanged } from './unchanged.ts'

/** What one run of a loader says, beside what it returns. */
export interface LoadReport {
  readonly context: LoadContext<unknown>
  /** The time to live it set, if any. */
  readonly ttlMs: number | undefined
  readonly skipped: boolean
  /** What its result says is to be stored; undefined for nothing. */
  contentOf(result: unknown): Content | undefined
}

/** @param remembersNone whether it is stored that there is no value */
export function createLoadReport(opened: Opened, found: Found, remembersNone: boolean): LoadReport {
  const previous = opened.is === 'miss' ? undefined : opened.value
  let ttlMs: number | undefined
  let skipped = false
  return {
    context: {
      previous,
      unchanged,
      setTtl(ttl) {
        ttlMs = durationMs(ttl, 'ttl', shown)
      },
      skipStore() {
        skipped = true
      },
    },
    get ttlMs() {
      return ttlMs
    },
    get skipped() {
      return skipped
    },
    contentOf(result) {
      if (result === undefined) return remembersNone ? { is: 'none' } : undefined
      if (result !== unchanged) return { is: 'value', value: result }
      if (previous !== undefined) return { is: 'unchanged', stored: found.stored! }
      const message = 'a loader said that the previous value is unchanged and there is none; return the value'
      throw new KeyplanError('PARAM_INVALID', message)
    },
  }
}
