import { startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { report } from '../figures.ts'
import { workOverKilledLinks } from '../killed-links.ts'

test('links of three clients are killed every 100 to 400 ms for 30 s: all calls settle in time, breakers close, nothing is held', async () => {
  const server = await startRedis()
  onTestFinished(() => server.cleanUp())
  const seen = await workOverKilledLinks(server, 30_000)
  report('links killed for 30 s', seen)
  expect(seen.done).toBeGreaterThan(1_000)
  expect(seen['breaker half-open']).toBeGreaterThan(10)
})
