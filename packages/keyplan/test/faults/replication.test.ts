import { type RedisProcess, type Replicated, startReplicated } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { becomes, ending, figure, open, refusals } from './client-under-fault.ts'
import { openLedger } from './ledger.ts'

let pair: Replicated
let master: RedisProcess
let replica: RedisProcess

beforeAll(async () => {
  pair = await startReplicated()
  master = pair.master
  replica = pair.replicas[0]!
})
afterAll(() => pair.stop())
beforeEach(async () => {
  for (const node of pair.nodes) if (!node.running) await node.restart()
  await master.ask('CONFIG', 'SET', 'min-replicas-to-write', '0')
  await pair.settled()
})

const briefly = { deadline: '400ms' } as const

test('too few replicas: writes are refused as not executed, reads go on, and a patient write is made once', async () => {
  const { client } = await open(master.url)
  await client.page({ id: 1 }).set('text')
  await master.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
  await replica.stop()
  await becomes(async () => (await figure(master, 'connected_slaves')) === '0')
  const refused = { code: 'NO_REPLICAS', outcome: 'not-executed' }
  expect(await ending(client.$command('incr', ['n'], briefly), 400)).toMatchObject(refused)
  expect(await ending(client.page({ id: 1 }).set('new', briefly), 400)).toMatchObject(refused)
  expect(await ending(client.door({ id: 1 }).tryAcquire(briefly), 400)).toMatchObject(refused)
  const transaction = client.$transaction(
    [
      ['get', 'n'],
      ['incr', 'n'],
    ],
    briefly,
  )
  expect(await ending(transaction, 400)).toMatchObject(refused)
  expect(await client.page({ id: 1 }).get()).toBe('text')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  const patient = client.$command('incr', ['n'], { deadline: '20s' })
  await replica.restart()
  expect(await patient).toBe(1)
  expect(await refusals(master, 'NOREPLICAS')).toBeGreaterThan(4)
})

test('a replica without its master: typed, and what may be repeated is served once the master is back', async () => {
  await master.ask('SET', 'n', '1')
  const { client, told } = await open(replica.url)
  await becomes(async () => (await replica.ask('GET', 'n')) === '1')
  const lost = told('reconnecting')
  await replica.ask('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
  await master.stop()
  await becomes(async () => (await figure(replica, 'master_link_status')) === 'down')
  const down = { code: 'MASTER_DOWN', outcome: 'not-executed' }
  expect(await ending(client.$command('get', ['n'], briefly), 400)).toMatchObject(down)
  expect(await ending(client.page({ id: 1 }).get(briefly), 400)).toMatchObject(down)
  expect(await client.copy({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  const patient = client.$command('get', ['n'], { deadline: '20s' })
  expect(await refusals(replica, 'MASTERDOWN')).toBeGreaterThan(2)
  await replica.ask('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
  expect(await patient).toBe('1')
  expect(lost).toEqual([])
})

test('a master that becomes a replica: the link is given up for the true one, writes are told, reads go on', async () => {
  using ledger = openLedger()
  const { client, told } = await open(master.url, { backoff: { min: '20ms', max: '300ms' } })
  const lost = told('reconnecting')
  await client.page({ id: 2 }).set('text')
  await becomes(async () => (await replica.ask('EXISTS', 'page:2')) === 1)
  await replica.ask('REPLICAOF', 'NO', 'ONE')
  await master.ask('REPLICAOF', '127.0.0.1', String(replica.port))
  await becomes(async () => (await figure(master, 'master_link_status')) === 'up')
  const before = Number(await figure(master, 'total_connections_received'))
  const begun = performance.now()
  const write = (id: string, deadline: `${number}ms`) =>
    ledger.run(id, () => client.$command('sadd', ['all', id], { deadline }))
  for (let index = 0; index < 5; index++) {
    expect(await write(`early ${index}`, '300ms')).toBe('failed')
    expect(await ending(client.$command('get', ['page:2'], briefly), 400)).toMatch(/text/)
  }
  expect(ledger.errors[0]).toMatchObject({ code: 'READONLY', outcome: 'not-executed' })
  expect(lost[0]).toMatchObject({ error: { code: 'READONLY' } })
  expect(client.$status.breaker).toBe('closed')
  // It looks for the master at most once per longest pause, and not at each refusal.
  const pauses = (performance.now() - begun) / 300
  const own = 3
  const made = Number(await figure(master, 'total_connections_received')) - before - own
  expect(await refusals(master, 'READONLY')).toBeGreaterThan(made)
  expect(lost.length).toBeLessThanOrEqual(pauses + 1)
  const patient = write('patient', '20000ms')
  await master.ask('REPLICAOF', 'NO', 'ONE')
  expect(await patient).toBe('done')
  expect(await master.ask('SMEMBERS', 'all')).toEqual(['patient'])
  expect(ledger.open()).toEqual([])
})
