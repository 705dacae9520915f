import { deepStrictEqual } from 'node:assert'
import type { Suite } from '../subject.ts'
import { ioredis, ioredisAuto } from '../subjects/once/ioredis.ts'
import { keyplan } from '../subjects/once/keyplan.ts'
import { receiptOf } from '../subjects/once/receipt.ts'

/** Operations that have been run: each call is a duplicate that is given the stored result. */
export const once: Suite = {
  cases: ['duplicate 100 B JSON'],
  subjects: [keyplan, ioredis, ioredisAuto],
  inFlight: [1, 10, 100, 1000],
  expect: (result, i) => deepStrictEqual(result, receiptOf(i)),
  refute({ calls }, operations) {
    const asked = (calls.get('evalsha') ?? 0) + (calls.get('set') ?? 0)
    return asked < operations ? `${operations} duplicates asked ${asked} times` : undefined
  },
  refuteRemains: async () => undefined,
}
