import { expect, test } from 'vitest'
import { expectGrowing } from '../../conformance/lock.ts'
import { fiveServers, race } from '../../kinds/quorum-servers.ts'
import { report } from '../figures.ts'

const setup = fiveServers()

test('two clients race a thousand times for the votes of five servers: no overlap, and growing fences', async () => {
  const begun = performance.now()
  const { fences, won } = await race(1_000, setup)
  report('race for a quorum', {
    acquisitions: fences.length,
    'ms each': (performance.now() - begun) / fences.length,
    won: won.join(' : '),
  })
  expectGrowing(fences)
  expect(fences.length).toBeGreaterThanOrEqual(1_000)
})

test('the same while servers are killed and frozen, never most of them at once', async () => {
  const { servers } = setup
  let over = false
  const trouble = (async () => {
    for (let index = 0; !over; index++) {
      const [frozen, killed] = [servers[index % 5]!, servers[(index + 2) % 5]!]
      await frozen.pause()
      await killed.kill()
      await new Promise(resolve => setTimeout(resolve, 300))
      frozen.resume()
      // Those that come back empty would forget votes: nobody who had one of them holds the lock for so long.
      await new Promise(resolve => setTimeout(resolve, 6_000))
      await killed.restart()
    }
  })()
  const { fences } = await race(2_000, setup).finally(() => {
    over = true
  })
  await trouble
  report('race under kills and freezes', { acquisitions: fences.length })
  expectGrowing(fences)
})
