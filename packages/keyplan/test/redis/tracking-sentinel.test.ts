import { type RedisProcess, type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type LiveServer, openTarget, until } from '../live-server.ts'
import { recordingTracker } from './recording-tracker.ts'

let topology: SentinelTopology
let live: LiveServer

beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())
afterEach(() => live.close())

function track() {
  const addresses = topology.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
  live = openTarget({ topology: 'sentinel', addresses, sentinel: { master: topology.masterName, access: {} } })
  const tracker = recordingTracker()
  return { tracker, tracking: live.redis.track(['a:'], tracker) }
}
const isTracked = async (node: RedisProcess) =>
  String(await node.ask('CLIENT', 'LIST')).includes('name=keyplan:test:tracking:')

test('a planned failover ends all marks, and the new master is heard', { timeout: 60_000 }, async () => {
  const { tracker, tracking } = track()
  const before = await until(() => tracking.mark('a:1'))
  const old = await topology.master()
  const next = await topology.failover()
  await until(() => live.connection.name === `127.0.0.1:${next.port}`)
  const after = await until(() => tracking.mark('a:1'))
  expect(after).toBeGreaterThan(before)
  expect(tracker.changes.slice(0, 2)).toEqual(['ready', 'lost'])
  await next.ask('SET', 'a:1', '1')
  await until(() => tracker.told.includes('a:1'))
  await until(async () => !(await isTracked(old)))
})

test('a master that was frozen and replaced is vouched for no more', { timeout: 60_000 }, async () => {
  const { tracker, tracking } = track()
  const before = await until(() => tracking.mark('a:1'))
  const frozen = await topology.master()
  await frozen.pause()
  const next = await until(async () => {
    const master = await topology.master()
    return master !== frozen && master
  })
  await until(() => live.connection.name === `127.0.0.1:${next.port}`)
  expect(await until(() => tracking.mark('a:1'))).toBeGreaterThan(before)
  frozen.resume()
  await next.ask('SET', 'a:2', '1')
  await until(() => tracker.told.includes('a:2'))
  await until(async () => !(await isTracked(frozen)))
  await topology.settled()
})
