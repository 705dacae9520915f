import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findHalfOpen, linkRoles } from './half-open-link.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

test('a link that fell silent is found without traffic, whatever it is for', async () => {
  const found = await Promise.all(linkRoles.map(role => findHalfOpen(server, role)))
  expect(found.map(({ stillAtServer }) => stillAtServer)).toEqual([true, true, true])
  // A ping each 3 s, or a block of at most 3 s, and 1 s of silence; a quarter of that between two looks.
  for (const { afterMs } of found) expect(afterMs).toBeLessThan(5_000 + 500)
})
