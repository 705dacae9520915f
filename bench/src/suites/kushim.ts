import { ok } from 'node:assert'
import type { Suite } from '../subject.ts'
import { inMemory, keyplan, withoutRedis } from '../subjects/kushim/context-reads.ts'

/** `GET /records/:id/context` of the Kushim example, over HTTP. */
export const kushim: Suite = {
  cases: ['read context over HTTP'],
  subjects: [keyplan, withoutRedis, inMemory],
  // With more, reads by the embedded database alone take longer than the example lets a request wait for it.
  inFlight: [1, 10, 30],
  expect(result) {
    const { members } = JSON.parse(String(result)) as { members: unknown[] }
    ok(members.length > 0, 'the context is empty')
  },
  refute({ hits }, operations, subject) {
    return subject === keyplan.name && hits < operations
      ? `${operations} reads were answered by ${hits} keys found`
      : undefined
  },
  refuteRemains: async () => undefined,
}
