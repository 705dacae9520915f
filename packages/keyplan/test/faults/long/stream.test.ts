import { test } from 'vitest'
import { checkKills, checkMeddling, kill, meddle, soak } from '../stream-soak.ts'

test('kills of workers and of the server for a minute lose nothing that was acknowledged', async () => {
  await soak({ seconds: 60, cruelty: kill, check: checkKills })
}, 180_000)

test('for a minute, what was acknowledged is handled, or told as lost, whatever is done to the stream', async () => {
  await soak({ seconds: 60, cruelty: meddle, check: checkMeddling })
}, 180_000)
