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

test('100,000 acquisitions by eight processes: never two inside, and every fence larger than the one before', {
  timeout: 3_600_000,
}, async () => {
  const began = performance.now()
  const fences = await contend(server, sink, 8, 12_500)
  report('eight processes, one lock', {
    acquisitions: fences.length,
    'a second': fences.length / ((performance.now() - began) / 1_000),
  })
  expect(fences).toHaveLength(100_000)
  expectGrowing(fences)
})

test('a thousand times the lock is pulled away: every holder is told, and no late write comes through', {
  timeout: 3_600_000,
}, async () => {
  const { done, refused } = await pullAway(server, sink, 1_002)
  report('pulled away', { ...done, 'late writes refused': refused })
  expect(Object.values(done).reduce((sum, count) => sum + count)).toBe(1_002)
})
