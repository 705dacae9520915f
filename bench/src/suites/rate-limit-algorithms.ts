import { equal } from 'node:assert'
import type { Suite } from '../subject.ts'
import { keyplanAlgorithms } from '../subjects/rate-limit/keyplan-algorithms.ts'
import {
  rateLimiterFlexibleAlgorithms,
  rateLimiterFlexibleForgetful,
} from '../subjects/rate-limit/rate-limiter-flexible-algorithms.ts'
import { upstash } from '../subjects/rate-limit/upstash.ts'

const subjects = [keyplanAlgorithms, rateLimiterFlexibleAlgorithms, upstash]
const inFlight = [1, 10, 100, 1000]

/** What counts something, by itself or from a script. */
const counting = ['set', 'incr', 'incrby', 'hset', 'hmset', 'rpush', 'lset']

/** One unit of each algorithm but the fixed window, and of two limits at once, over many keys and never denied. */
export const rateLimitAlgorithms: Suite = {
  cases: [
    'consume sliding window',
    'consume token bucket',
    'consume gcra',
    'consume sliding log',
    'consume two limits',
  ],
  subjects,
  inFlight,
  expect: result => equal(result, true, 'the call was not allowed'),
  refute({ calls }, operations) {
    const counted = counting.reduce((sum, command) => sum + (calls.get(command) ?? 0), 0)
    return counted < operations ? `${operations} units were taken with ${counted} writes` : undefined
  },
  refuteRemains: async () => undefined,
}

/** Keys that are used up, each subject with what it remembers of them. */
export const rateLimitBlocked: Suite = {
  cases: ['consume blocked key'],
  subjects: [...subjects, rateLimiterFlexibleForgetful],
  inFlight,
  expect: result => equal(result, true, 'the call was allowed'),
  refute: () => undefined,
  refuteRemains: async () => undefined,
}
