import { test } from 'vitest'
import { checkKills, checkMeddling, kill, meddle, reportLosses, soak } from '../stream-soak.ts'

test('fifty kills of workers and of the server lose nothing that was acknowledged', async () => {
  await soak({ rounds: 50, cruelty: kill, check: checkKills })
}, 600_000)

test('fifty kills of workers and of a server with everysec: what is lost is reported', async () => {
  await soak({ rounds: 50, appendfsync: 'everysec', cruelty: kill, check: reportLosses })
}, 600_000)

test('a hundred and fifty times over, what was acknowledged is handled, or told as lost, whatever is done to the stream', async () => {
  await soak({ rounds: 150, cruelty: meddle, check: checkMeddling })
}, 600_000)
