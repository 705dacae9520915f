import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectGrowing } from '../conformance/lock.ts'
import { contend, killHolder, pullAway } from './lock-holders.ts'

let server: RedisProcess
let sink: RedisProcess

beforeAll(async () => {
  ;[server, sink] = await Promise.all([startRedis(), startRedis()])
})
afterAll(async () => {
  await server.cleanUp()
  await sink.cleanUp()
})

// Processes take their time to start where many run.
const timeout = 120_000

test('eight processes are never inside at once, and their fences grow', { timeout }, async () => {
  const [fences = []] = await contend(server, sink, { processes: 8, keys: 1, rounds: 50 })
  expect(fences).toHaveLength(400)
  expectGrowing(fences)
})

test('the lock of a process that was killed comes free by itself, and goes past a waiter that was killed', {
  timeout,
}, async () => {
  const [before, after] = await killHolder(server, sink)
  expect(after).toBeGreaterThan(before)
})

test('whoever loses the lock is told, however that came, and writes nothing after the next one', {
  timeout,
}, async () => {
  const { done, refused } = await pullAway(server, sink, 12)
  expect(done).toEqual({ stopped: 2, blocked: 2, cut: 2, deleted: 2, evicted: 2, flushed: 2 })
  expect(refused).toBeGreaterThan(0)
})
