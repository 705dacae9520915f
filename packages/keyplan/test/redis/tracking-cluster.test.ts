import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { callFor, type LiveServer, openTarget, until } from '../live-server.ts'
import { type RecordingTracker, recordingTracker } from './recording-tracker.ts'

let cluster: Cluster
let live: LiveServer
let tracker: RecordingTracker
let mark: (key: string) => number | undefined

beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())
afterEach(() => live.close())

/** Tracks, and gives a key of each master's. */
async function track(): Promise<[string, string, string]> {
  const addresses = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  // The links to nodes that nothing happens to must live, however busy the machine is.
  live = openTarget({ topology: 'cluster', addresses }, { stall: 5_000 })
  tracker = recordingTracker()
  const tracking = live.redis.track(['a:', '{'], tracker)
  mark = tracking.mark
  const candidates = Array.from({ length: 100 }, (_, index) => `a:${index}`)
  await until(() => candidates.every(key => mark(key) !== undefined))
  const keys = new Map(candidates.map(key => [live.redis.lane(key), key]))
  expect(keys.size).toBe(3)
  return [...keys.values()] as [string, string, string]
}

/** A write of another client's, at whoever has the key. */
async function write(key: string): Promise<void> {
  await until(async () => (await cluster.ownerOf(key)).ask('SET', key, '1').catch(() => undefined))
}

test('the keys of every node are told, over one link to each master', { timeout: 60_000 }, async () => {
  const keys = await track()
  for (const key of keys) {
    await write(key)
    await until(() => tracker.told.includes(key))
  }
  const lists = await Promise.all(cluster.nodes.map(node => node.ask('CLIENT', 'LIST')))
  expect(lists.map(list => String(list).split('name=keyplan:test:tracking:').length - 1).sort()).toEqual([
    0, 0, 0, 1, 1, 1,
  ])
  expect(tracker.changes.sort()).toEqual(keys.map(key => `ready ${live.redis.lane(key)}`).sort())
})

test('a node that is emptied gives new marks to its own keys alone', { timeout: 60_000 }, async () => {
  const [key, ...others] = await track()
  const before = mark(key)!
  const elsewhere = others.map(mark)
  await (await cluster.ownerOf(key)).ask('FLUSHALL')
  await until(() => tracker.told.includes(null))
  expect(await until(() => mark(key))).toBeGreaterThan(before)
  expect(others.map(mark)).toEqual(elsewhere)
})

test('nothing is vouched for that the next owner of a slot answers before its changes are heard', {
  timeout: 60_000,
}, async () => {
  await track()
  const keys = Array.from({ length: 4 }, (_, index) => `{moves}:${index}`)
  await Promise.all(keys.map(write))
  const from = await cluster.ownerOf('{moves}')
  const to = (await cluster.shape()).find(({ role, node }) => role === 'master' && node !== from)!.node
  const started = mark('{moves}')!
  const move = await cluster.moveSlot(live.redis.slot('{moves}'), to, { half: true })
  const verdicts: string[] = []
  for (const key of keys) {
    const before = mark(key)
    await live.redis.send('get', [key], callFor())
    const isThere = await from.ask('CLUSTER', 'COUNTKEYSINSLOT', String(live.redis.slot(key)))
    expect(isThere).toBe(2)
    verdicts.push(mark(key) === before ? 'believed' : 'not believed')
  }
  expect(verdicts.sort()).toEqual(['believed', 'believed', 'not believed', 'not believed'])
  await move.finish()
  // The answer that points to the new owner, and the answers of that one from then on.
  await live.redis.send('get', [keys[0]!], callFor())
  const moved = await until(() => mark(keys[0]!))
  expect(moved).toBeGreaterThan(started)
  expect(live.redis.lane('{moves}')).toBe(`127.0.0.1:${to.port}`)
  await live.redis.send('get', [keys[0]!], callFor())
  expect(mark(keys[0]!)).toBe(moved)
  tracker.told.length = 0
  await write(keys[0]!)
  await until(() => tracker.told.includes(keys[0]!))
})

test('a planned failover gives new marks to the keys of that node', { timeout: 60_000 }, async () => {
  const [key, ...others] = await track()
  const before = mark(key)!
  const elsewhere = others.map(mark)
  const next = await cluster.failover(await cluster.ownerOf(key))
  await live.redis.send('get', [key], callFor())
  expect(live.redis.lane(key)).toBe(`127.0.0.1:${next.port}`)
  expect(await until(() => mark(key))).toBeGreaterThan(before)
  expect(others.map(mark)).toEqual(elsewhere)
  tracker.told.length = 0
  await write(key)
  await until(() => tracker.told.includes(key))
})

test('a node that dies ends the marks of its keys, and its successor begins others', { timeout: 60_000 }, async () => {
  const [key, ...others] = await track()
  const before = mark(key)!
  const elsewhere = others.map(mark)
  const victim = await cluster.ownerOf(key)
  await victim.kill()
  await until(() => mark(key) === undefined)
  expect(await until(() => mark(key))).toBeGreaterThan(before)
  expect(live.redis.lane(key)).not.toBe(`127.0.0.1:${victim.port}`)
  expect(others.map(mark)).toEqual(elsewhere)
  tracker.told.length = 0
  await write(key)
  await until(() => tracker.told.includes(key))
  await victim.restart()
  await cluster.settled()
})

test('no copy that may be believed is older than the last write, whatever the cluster went through', {
  timeout: 60_000,
}, async () => {
  await track()
  const keys = Array.from({ length: 12 }, (_, index) => `{${index % 6}}:${index}`)
  const copies = new Map<string, { readonly mark: number; readonly value: unknown }>()
  const told = new Set<string>()
  let over = false
  tracker.invalidated = changed => {
    for (const key of changed ?? keys) {
      copies.delete(key)
      told.add(key)
    }
  }
  const isBelieved = (key: string) => copies.has(key) && copies.get(key)?.mark === mark(key)
  const reading = keys.map(async key => {
    for (; !over; await new Promise(setImmediate)) {
      if (isBelieved(key)) continue
      told.delete(key)
      const before = mark(key)
      const value = await live.redis.send('get', [key], callFor()).catch(() => undefined)
      if (before !== undefined && value !== undefined && !told.has(key)) copies.set(key, { mark: before, value })
    }
  })

  const addresses = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  await using writer = openTarget({ topology: 'cluster', addresses })
  let pausing = false
  let writes = 0
  let underway = 0
  const writing = keys.map(async key => {
    while (!over) {
      if (!pausing) {
        underway++
        await writer.redis.send('set', [key, String(++writes)], callFor()).catch(() => {})
        underway--
      }
      await new Promise(setImmediate)
    }
  })

  /** What the writer has done is told when what was written to each node after that is. */
  async function check(): Promise<void> {
    pausing = true
    await until(() => underway === 0)
    const masters = (await cluster.shape()).filter(({ role }) => role === 'master')
    for (const { slots } of masters) {
      const end = Array.from({ length: 1_000 }, (_, index) => `a:end:${index}`).find(key =>
        slots.some(([first, last]) => first <= live.redis.slot(key) && live.redis.slot(key) <= last),
      )!
      await until(async () => {
        await write(end)
        return told.has(end)
      })
    }
    await until(() => keys.every(isBelieved))
    for (const key of keys) {
      const truth = await writer.redis.send('get', [key], callFor())
      expect(copies.get(key)).toEqual({ mark: mark(key), value: truth })
    }
    pausing = false
  }

  await until(() => writes > 500)
  await check()
  for (let round = 0; round < 2; round++) {
    for (const tag of ['{0}', '{1}']) {
      const from = await cluster.ownerOf(tag)
      const to = (await cluster.shape()).find(({ role, node }) => role === 'master' && node !== from)!.node
      const move = await cluster.moveSlot(live.redis.slot(tag), to, { half: true })
      await move.finish()
    }
    await check()
    await cluster.failover(await cluster.ownerOf('{2}'))
    await check()
  }
  const victim = await cluster.ownerOf('{3}')
  await victim.kill()
  await until(async () => (await cluster.ownerOf('{3}').catch(() => victim)) !== victim)
  await check()
  over = true
  await Promise.all([...reading, ...writing])
  await victim.restart()
  await cluster.settled()
})
