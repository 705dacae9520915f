import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { streamConformance } from '../conformance/stream.ts'
import { redisHarness } from './stream-redis-harness.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

streamConformance('Redis', () => redisHarness(server.port))

test('a dead letter whose time is over is none, though it lies on the server until the next is written', async () => {
  const harness = await redisHarness(server.port)
  const redis = await harness.client()
  const day = 86_400_000
  const write = (id: string) =>
    harness.ask(
      'XADD',
      '{events}:~dead:workers',
      id,
      'entry',
      '1-1',
      'deliveries',
      '4',
      'cause',
      '',
      'value',
      '{"n":1}',
    )
  const over = String(await write(`${Date.now() - 8 * day}-0`))
  const kept = String(await write(`${Date.now() - 6 * day}-0`))
  const letters = redis.events.deadLetters('workers')
  expect((await letters.list()).map(({ id }) => id)).toEqual([kept])
  expect(await letters.list({ after: kept })).toEqual([])
  expect(await letters.redrive([over])).toBe(0)
  expect(await redis.events.count()).toBe(0)
  expect(await redis.events.inspect('workers')).toMatchObject({ deadLetters: 1 })
  expect(await letters.redrive('all')).toBe(1)
  await harness.close()
})
