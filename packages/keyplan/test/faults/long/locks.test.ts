import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectGrowing } from '../../conformance/lock.ts'
import { report } from '../figures.ts'
import { contend, pullAway } from '../lock-holders.ts'

let server: RedisProcess
let sink: RedisProcess

beforeAll(async () => {
  ;[server, sink] = await Promise.all([startRedis(), startRedis()])
})
afterAll(async () => {
  await server.cleanUp()
  await sink.cleanUp()
})

/** Each is contended for by all processes. With one alone nearly all the time is spent on waking the next process. */
const keys = 4

test('100,000 acquisitions by eight processes: never two inside, and every fence larger than the one before', {
  timeout: 3_600_000,
}, async () => {
  const began = performance.now()
  const taken = await contend(server, sink, { processes: 8, keys, rounds: 100_000 / 8 / keys })
  report(`eight processes, ${keys} locks`, {
    acquisitions: taken.flat().length,
    'a second': taken.flat().length / ((performance.now() - began) / 1_000),
  })
  for (const fences of taken) {
    expect(fences).toHaveLength(100_000 / keys)
    expectGrowing(fences)
  }
})

test('a thousand times the lock is pulled away: every holder is told, and no late write comes through', {
  timeout: 3_600_000,
}, async () => {
  const { done, refused } = await pullAway(server, sink, 1_002)
  report('pulled away', { ...done, 'late writes refused': refused })
  expect(Object.values(done).reduce((sum, count) => sum + count)).toBe(1_002)
})
