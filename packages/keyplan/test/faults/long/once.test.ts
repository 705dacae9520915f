import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { report } from '../figures.ts'
import { soakOnce } from '../once-soak.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const total = 10_000

test('10,000 operations of each way, asked for by four processes that are killed and lose replies', async () => {
  const soak = await soakOnce(server, {
    operations: total,
    processes: 4,
    kills: 60,
    longestLoss: 3_000,
    lease: '1500ms',
  })
  report('once', {
    killed: soak.killed,
    swallowed: soak.swallowed,
    'calls that ended as unknown': soak.unknown,
    'taken over': soak.takenOver,
    'most runs of a rerun': soak.mostRuns('rerun'),
    'most runs of a commit': soak.mostRuns('commit'),
    ...soak.finals,
  })
  expect(soak.killed).toBe(60)
  expect(soak.unknown).toBeGreaterThan(0)
  expect(soak.mostRuns('rerun')).toBeGreaterThan(1)
  expect(soak.mostRuns('refuse')).toBe(1)
  expect(soak.inSink('rerun')).toBe(total)
  expect(soak.finals).toMatchObject({ 'rerun done': total, 'commit done': total })
  expect(soak.effects).toEqual(Array(total).fill(1))
})
