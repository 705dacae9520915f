import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { soakOnce } from './once-soak.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

test('three processes that race, are killed and lose replies: at most once, at least once with one token, exactly once', {
  timeout: 120_000,
}, async () => {
  const operations = 200
  const soak = await soakOnce(server, { operations, processes: 3, kills: 4, longestLoss: 150, lease: '700ms' })
  expect(soak.swallowed).toBeGreaterThan(0)
  expect(soak.mostRuns('refuse')).toBe(1)
  expect(soak.operationsRun('rerun')).toBe(operations)
  expect(soak.inSink('rerun')).toBe(operations)
  expect(soak.finals).toMatchObject({ 'rerun done': operations, 'commit done': operations })
  expect(soak.effects).toEqual(Array(operations).fill(1))
})
