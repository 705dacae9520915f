import type { Suite } from '../subject.ts'
import { bullmq } from '../subjects/stream/bullmq.ts'
import { ioredis, ioredisAuto } from '../subjects/stream/ioredis.ts'
import { keyplan } from '../subjects/stream/keyplan.ts'

/** An entry appended to a trimmed stream; and appended, handled by a group of one worker, and acknowledged. */
export const stream: Suite = {
  cases: ['append', 'append+consume'],
  subjects: [keyplan, ioredis, ioredisAuto, bullmq],
  inFlight: [1, 10, 100, 1000],
  expect: () => undefined,
  refute({ calls }, operations) {
    const added = calls.get('xadd') ?? 0
    return added < operations ? `${operations} entries were appended with ${added} XADD` : undefined
  },
  refuteRemains: async () => undefined,
}
