import { test } from 'vitest'
import { checkKills, checkMeddling, kill, meddle, soak } from '../stream-soak.ts'

test('kills of workers and of the server forty times lose nothing that was acknowledged', async () => {
  await soak({ rounds: 40, cruelty: kill, check: checkKills })
}, 600_000)

test('a hundred and fifty times over, what was acknowledged is handled, or told as lost, whatever is done to the stream', async () => {
  await soak({ rounds: 150, cruelty: meddle, check: checkMeddling })
}, 600_000)
