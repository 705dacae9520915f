import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { script } from '../../src/redis/script.ts'
import { callFor, type LiveServer, openTarget, sender, until } from '../live-server.ts'

let cluster: Cluster
const opened: LiveServer[] = []

beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())
afterEach(async () => {
  for (const live of opened.splice(0)) await live.close()
})

const count = script({
  name: 'test.count',
  keys: ['first', 'second'],
  args: [],
  reply: Number,
  lua: `redis.call('INCR', first) return redis.call('INCR', second)`,
})

function open(overrides: Parameters<typeof openTarget>[1] = {}): LiveServer {
  const addresses = cluster.nodes.slice(0, 2).map(({ port }) => ({ host: '127.0.0.1', port }))
  const live = openTarget({ topology: 'cluster', addresses }, { scripts: [count], ...overrides })
  opened.push(live)
  return live
}

test('keys go to the nodes that have their slots', { timeout: 60_000 }, async () => {
  const live = open()
  const send = sender(live)
  const keys = Array.from({ length: 200 }, (_, index) => `route:${index}`)
  await Promise.all(keys.map(key => send('set', [key, key])))
  expect(await Promise.all(keys.map(key => send('get', [key])))).toEqual(keys)
  const owners = new Set(keys.map(key => live.redis.lane(key)))
  expect(owners.size).toBe(3)
  for (const key of keys.slice(0, 20)) {
    expect(live.redis.lane(key)).toBe(`127.0.0.1:${(await cluster.ownerOf(key)).port}`)
  }
})

test('a scan walks every node', { timeout: 60_000 }, async () => {
  const live = open()
  const send = sender(live)
  const keys = Array.from({ length: 300 }, (_, index) => `scan:${index}`)
  await Promise.all(keys.map(key => send('set', [key, ''])))
  const found = new Set<string>()
  let cursor = '0'
  do {
    const page = await live.redis.scan('scan:*', cursor, callFor())
    cursor = page.cursor
    for (const key of page.keys) found.add(key)
  } while (cursor !== '0')
  expect(found.size).toBe(300)
})

test('a transaction runs in one slot and is refused across two', { timeout: 60_000 }, async () => {
  const live = open()
  await until(() => live.connection.state === 'ready')
  const key = '{tx}:n'
  expect(
    await live.redis.transact(
      [
        ['set', key, '1'],
        ['incr', key],
      ],
      callFor(),
    ),
  ).toEqual(['OK', 2])
  await expect(
    live.redis.transact(
      [
        ['set', '{a}', '1'],
        ['set', '{b}', '1'],
      ],
      callFor(),
    ),
  ).rejects.toMatchObject({
    code: 'CROSS_SLOT',
    outcome: 'not-executed',
  })
})

test('while a slot moves under load no increment is lost, doubled or refused', { timeout: 60_000 }, async () => {
  const live = open()
  const send = sender(live)
  const keys = Array.from({ length: 40 }, (_, index) => `{move}:${index}`)
  await Promise.all(keys.map(key => send('set', [key, 0])))
  const from = await cluster.ownerOf('{move}')
  const to = cluster.nodes.find(
    node => node !== from && live.connection.nodes.some(({ name }) => name.endsWith(`:${node.port}`)),
  )!
  const slot = live.redis.slot('{move}')
  const done = new Map(keys.map(key => [key, 0]))
  const failures: unknown[] = []
  let pairs = 0
  let over = false
  const loops = keys.map(async (key, index) => {
    const other = keys[(index + 1) % keys.length]!
    while (!over) {
      try {
        await send('incr', [key])
        done.set(key, done.get(key)! + 1)
        if (index % 8 !== 0) continue
        await live.guard.run(
          { namespace: 'test', name: 'pair', operation: { idempotent: false, write: true } },
          undefined,
          call => live.redis.evaluate(count, { first: key, second: other }, {}, call),
          undefined,
          { key },
        )
        pairs++
        done.set(key, done.get(key)! + 1)
        done.set(other, done.get(other)! + 1)
      } catch (error) {
        failures.push(error)
      }
    }
  })
  const move = await cluster.moveSlot(slot, to, { half: true })
  const before = pairs
  await until(() => [...done.values()].every(value => value > 50))
  await move.finish()
  await until(() => pairs > before + 20)
  over = true
  await Promise.all(loops)
  expect(failures).toEqual([])
  for (const key of keys) expect(await send('get', [key])).toBe(String(done.get(key)))
  expect((await cluster.ownerOf(slot)).port).toBe(to.port)
})

test('the other shards go on while one is down, and its slots come back with its replica', {
  timeout: 60_000,
}, async () => {
  const live = open()
  const send = sender(live, { idempotent: true })
  await until(() => live.connection.state === 'ready')
  const lanes = live.connection.nodes.map(({ name }) => name)
  const keyOf = (lane: string) =>
    Array.from({ length: 100 }, (_, index) => `down:${index}`).find(key => live.redis.lane(key) === lane)!
  const [doomed, ...others] = lanes.map(keyOf) as [string, ...string[]]
  const victim = await cluster.ownerOf(doomed)
  await victim.kill()

  const refused: unknown[] = []
  let healed = false
  const healthy = others.map(async key => {
    while (!healed) await send('set', [key, '1']).catch(error => refused.push(error))
  })
  await until(async () => {
    try {
      return (await send('set', [doomed, 'again'])) === 'OK'
    } catch {
      return false
    }
  })
  healed = true
  await Promise.all(healthy)
  expect(refused).toEqual([])
  expect(live.events.some(({ type }) => type === 'moved')).toBe(true)
  await victim.restart()
  await cluster.settled()
})

test('a planned failover loses nothing that was acknowledged', { timeout: 60_000 }, async () => {
  const live = open()
  const send = sender(live)
  await until(() => live.connection.state === 'ready')
  const owner = await cluster.ownerOf('{plan}:n')
  let acknowledged = 0
  let unknown = 0
  let over = false
  const counting = (async () => {
    while (!over) {
      try {
        await send('incr', ['{plan}:n'])
        acknowledged++
      } catch (error) {
        if ((error as { outcome?: string }).outcome === 'unknown') unknown++
      }
    }
  })()
  await until(() => acknowledged > 10)
  await cluster.failover(owner)
  const before = acknowledged
  await until(() => acknowledged > before + 50)
  over = true
  await counting
  const value = Number(await send('get', ['{plan}:n']))
  expect(value).toBeGreaterThanOrEqual(acknowledged)
  expect(value).toBeLessThanOrEqual(acknowledged + unknown)
})

test('a sharded channel is heard at the node of its slot, and follows it', { timeout: 60_000 }, async () => {
  const live = open()
  await until(() => live.connection.state === 'ready')
  const heard: string[] = []
  const handlers = { message: (text: string) => heard.push(text), gap: () => heard.push('gap') }
  const subscription = await live.redis.subscribe('{shard}', handlers, 'sharded')
  const from = await cluster.ownerOf('{shard}')
  expect(await from.ask('SPUBLISH', '{shard}', 'one')).toBe(1)
  await until(() => heard.length === 1)

  const masters = new Set(live.connection.nodes.map(({ name }) => name))
  const to = cluster.nodes.find(node => node !== from && masters.has(`127.0.0.1:${node.port}`))!
  await cluster.moveSlot(live.redis.slot('{shard}'), to)
  await until(async () => (await to.ask('SPUBLISH', '{shard}', 'two')) === 1)
  await until(() => heard.includes('two'))
  await until(() => heard.includes('gap'))

  await cluster.failover(to)
  const next = await cluster.ownerOf('{shard}')
  // A node publishes to its whole shard: whoever listens at the one that was replaced may go on doing so.
  await until(async () => {
    await next.ask('SPUBLISH', '{shard}', 'three')
    return heard.includes('three')
  })
  subscription.close()
  const listening = () => Promise.all([to, next].map(node => node.ask('PUBSUB', 'SHARDNUMSUB', '{shard}')))
  await until(async () => (await listening()).every(reply => (reply as unknown[])[1] === 0))
})
