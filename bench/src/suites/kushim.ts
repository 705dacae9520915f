import { ok } from 'node:assert'
import type { Suite } from '../subject.ts'
import { inMemory, keyplan, withoutRedis } from '../subjects/kushim/context-reads.ts'

/** `GET /records/:id/context` of the Kushim example, over HTTP. */
export const kushim: Suite = {
  cases: ['read context over HTTP'],
  subjects: [keyplan, withoutRedis, inMemory],
  inFlight: [1, 10, 100],
  expect(result) {
    const { members } = JSON.parse(String(result)) as { members: unknown[] }
    ok(members.length > 0, 'the context is empty')
  },
  refute({ hits }, operations, subject) {
    const share = hits / operations
    return subject === keyplan.name && share < 0.99
      ? `only ${Math.round(share * 100)} % of the reads were answered from Redis`
      : undefined
  },
  refuteRemains: async () => undefined,
}
