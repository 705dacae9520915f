import { type Replicated, startReplicated } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { cache, definePlan, json } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('replicated', {
  near: cache('near:<id>', { ttl: '1m', value: json<string>(), replica: 'allow' }),
  strict: cache('strict:<id>', { ttl: '1m', value: json<string>() }),
})
let topology: Replicated
beforeAll(async () => {
  topology = await startReplicated({ replicas: 2 })
}, 60_000)
afterAll(() => topology.stop())

/** How often a server was asked for a key. */
async function gets(node: Replicated['master']): Promise<number> {
  const stats = String(await node.ask('INFO', 'commandstats'))
  return Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

/** Replication takes a moment. */
const arrived = (key: string) =>
  until(async () =>
    (await Promise.all(topology.replicas.map(node => node.ask('EXISTS', key)))).every(found => found === 1),
  )

const replicas = () => topology.replicas.map(({ port }) => `127.0.0.1:${port}`)

test('a namespace that allows it reads the replicas in turn; any other reads the master', async () => {
  await using client = await connect(plan, { url: topology.master.url, replicas: replicas(), log: () => {} })
  await client.near({ id: 1 }).set('Ada')
  await arrived('near:1')
  await client.strict({ id: 1 }).set('Ada')
  const counts = () => Promise.all([topology.master, ...topology.replicas].map(gets))
  // The first read opens the links to the replicas.
  await until(async () => {
    await client.near({ id: 1 }).get()
    return (await counts()).slice(1).every(count => count > 0)
  })
  const before = await counts()
  for (let read = 0; read < 20; read++) expect(await client.near({ id: 1 }).get()).toBe('Ada')
  const after = await counts()
  expect(after.map((count, index) => count - before[index]!)).toEqual([0, 10, 10])
  for (let read = 0; read < 5; read++) expect(await client.strict({ id: 1 }).get()).toBe('Ada')
  expect((await counts())[0]! - after[0]!).toBe(5)
})

test('where no replica answers the master does, and the replica is read again when it is back', async () => {
  await using client = await connect(plan, { url: topology.master.url, replicas: replicas(), log: () => {} })
  await client.near({ id: 2 }).set('Ada')
  await arrived('near:2')
  await until(async () => {
    await client.near({ id: 2 }).get()
    return (await gets(topology.replicas[0]!)) > 0
  })
  for (const replica of topology.replicas) await replica.kill()
  for (let read = 0; read < 10; read++) expect(await client.near({ id: 2 }).get()).toBe('Ada')
  for (const replica of topology.replicas) await replica.restart()
  await topology.settled()
  await until(async () => {
    await client.near({ id: 2 }).get()
    return (await gets(topology.replicas[0]!)) > 0
  })
})

test('the nearest is whoever answers first', async () => {
  await using client = await connect(plan, {
    url: topology.master.url,
    replicas: replicas(),
    readFrom: 'nearest',
    log: () => {},
  })
  await client.near({ id: 3 }).set('Ada')
  await arrived('near:3')
  await until(async () => {
    await client.near({ id: 3 }).get()
    return (await Promise.all(topology.replicas.map(gets))).some(count => count > 0)
  })
  expect(await client.near({ id: 3 }).get()).toBe('Ada')
})
