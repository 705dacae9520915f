import { type RedisProcess, type Replicated, startCluster, startReplicated } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/connect.ts'
import { lock } from '../../src/kinds/lock/contract.ts'
import { definePlan } from '../../src/plan/define.ts'
import { until } from '../live-server.ts'

const plan = definePlan('confirmed', {
  sure: lock('sure:<id>', { ttl: '30s', confirm: { timeout: '2s' } }),
  one: lock('one:<id>', { ttl: '30s', confirm: { timeout: '300ms' } }),
  two: lock('two:<id>', { ttl: '30s', confirm: { replicas: 2, timeout: '50ms' } }),
})

let pair: Replicated
let replica: RedisProcess

beforeAll(async () => {
  pair = await startReplicated()
  replica = pair.replicas[0]!
  await pair.settled()
})
afterAll(() => pair.stop())

async function open() {
  const client = await connect(plan, { url: pair.master.url, log: false, start: 'required' })
  onTestFinished(() => client.$close())
  const notices: unknown[] = []
  client.$on('notice', notice => notices.push(notice.type))
  return { client, notices }
}

test('what was acquired is on the replica when it is', async () => {
  const { client, notices } = await open()
  for (let id = 0; id < 20; id++) {
    const held = (await client.sure({ id }).tryAcquire())!
    expect(String(await replica.ask('GET', `sure:${id}`))).toContain(`#${held.fence}@`)
    await held.release()
  }
  expect(notices).toEqual([])
})

test('what too few replicas have was not acquired, and is given back', async () => {
  const { client, notices } = await open()
  expect(await client.two({ id: 'a' }).tryAcquire()).toBeUndefined()
  expect(notices).toEqual(['lock-unconfirmed'])
  await until(async () => (await pair.master.ask('EXISTS', 'two:a')) === 0)
  await replica.pause()
  try {
    expect(await client.one({ id: 'a' }).tryAcquire()).toBeUndefined()
    await until(async () => (await pair.master.ask('EXISTS', 'one:a')) === 0)
    const run = client.one({ id: 'a' }).run(() => 'never', { wait: '1ms' })
    await expect(run).rejects.toMatchObject({ code: 'LOCK_BUSY' })
  } finally {
    replica.resume()
  }
  await until(async () => (await client.one({ id: 'a' }).tryAcquire()) !== undefined)
})

test('what cannot be confirmed so is refused when it is declared', () => {
  const declared = (confirm: object) => definePlan('bad', { one: lock('one:<id>', { ttl: '5s', confirm }) })
  expect(() => declared({ replicas: 0 })).toThrow(/confirm\.replicas is 0/)
  expect(() => declared({ timeout: '3s' })).toThrow(/confirm\.timeout is 3s/)
  expect(() => declared({ replica: 1 })).toThrow(/replica/)
})

test('on a cluster the replicas of its shard confirm', async () => {
  const cluster = await startCluster()
  onTestFinished(() => cluster.stop())
  const addresses = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`)
  const client = await connect(plan, { cluster: { addresses }, log: false, start: 'required' })
  onTestFinished(() => client.$close())
  const held = await until(() => client.one({ id: 'a' }).tryAcquire())
  expect(await held.release()).toBe(true)
  expect(await client.two({ id: 'a' }).tryAcquire()).toBeUndefined()
}, 60_000)
