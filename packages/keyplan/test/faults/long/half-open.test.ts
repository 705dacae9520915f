import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { median, report } from '../figures.ts'
import { findHalfOpen, linkRoles } from '../half-open-link.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

test.each(linkRoles)('a silent %s link is found within five seconds, without traffic', async role => {
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const { afterMs, stillAtServer } = await findHalfOpen(server, role)
    expect(stillAtServer).toBe(true)
    times.push(afterMs)
  }
  report(`half-open ${role} link`, { 'found after ms, median': median(times), worst: Math.max(...times) })
  expect(median(times)).toBeLessThan(5_000)
})
