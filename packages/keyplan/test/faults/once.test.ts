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
  const soak = await soakOnce(server, { operations: 300, processes: 3, kills: 4, lease: '700ms' })
  expect(soak.swallowed).toBeGreaterThan(0)
  expect(soak.mostRuns('refuse')).toBe(1)
  expect(soak.operationsRun('rerun')).toBe(300)
  expect(soak.inSink('rerun')).toBe(300)
  expect(soak.finals).toMatchObject({ 'rerun done': 300, 'commit done': 300 })
  expect(soak.effects).toEqual(Array(300).fill(1))
})
