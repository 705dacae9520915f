import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, type ClusterNode, keySlot, startCluster, startProxy } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { addressesOf, keyOf } from './cluster-tags.ts'
import { goOn, type Loop, ledgerOfTest, loop, open, type Subject } from './failover-client.ts'
import type { Ledger } from './ledger.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())

const names = Array.from({ length: 24 }, (_, index) => `key${index}`)
const plain = (tag: string) => names.map(keyOf(tag))

async function errorsOf(node: ClusterNode, name: string): Promise<number> {
  const stats = String(await node.ask('INFO', 'errorstats'))
  return Number(new RegExp(`errorstat_${name}:count=(\\d+)`).exec(stats)?.[1] ?? 0)
}

/** Single increments of every key, and pairs of them as one transaction. */
function counting({ $command, $transaction }: Subject, ledger: Ledger, tag: string): Loop[] {
  const keys = plain(tag)
  return [
    ...keys.map((key, index) => loop(ledger, `single.${index}`, () => $command('INCR', [key]))),
    ...keys.slice(0, 6).map((key, index) =>
      loop(ledger, `pair.${index}`, async () => {
        const other = keys[keys.length - 1 - index]!
        const replies = await $transaction([
          ['INCR', key],
          ['INCR', other],
        ])
        for (const reply of replies) if (reply instanceof Error) throw reply
      }),
    ),
  ]
}

/** What each key must stand at, at least and at most. */
function bounds(ledger: Ledger) {
  const [done, unknown] = [ledger.ids('done'), ledger.ids('unknown')]
  return names.map((_, index) => {
    const of = (ids: readonly string[]) =>
      ids.filter(id => {
        const [kind, rest = ''] = id.split('.')
        const at = Number(rest.split('-')[0])
        return at === index || (kind === 'pair' && names.length - 1 - at === index)
      }).length
    return [of(done), of(done) + of(unknown)] as const
  })
}

async function valuesAt(owner: ClusterNode, tag: string): Promise<number[]> {
  return ((await owner.ask('MGET', ...plain(tag))) as string[]).map(Number)
}

test('while half a slot has moved no increment is lost, doubled or refused', { timeout: 60_000 }, async () => {
  const tag = 'moving'
  const { client } = await open({ cluster: { addresses: addressesOf(cluster) } })
  const ledger = ledgerOfTest()
  const loops = counting(client, ledger, tag)
  await goOn(loops, 5)
  const from = await cluster.ownerOf(`{${tag}}`)
  const to = (await cluster.shape()).find(({ node, slots }) => slots.length > 0 && node !== from)!.node
  const before = await errorsOf(from, 'MOVED')
  const move = await cluster.moveSlot(keySlot(`{${tag}}`), to, { half: true })
  await goOn(loops.slice(0, names.length), 20)
  await move.finish()
  await goOn(loops, 20)
  await Promise.all(loops.map(({ stop }) => stop()))

  expect(move.moved).toBe(names.length)
  expect(await errorsOf(from, 'ASK')).toBeGreaterThan(0)
  expect((await errorsOf(from, 'TRYAGAIN')) + (await errorsOf(to, 'TRYAGAIN'))).toBeGreaterThan(0)
  expect(await errorsOf(from, 'MOVED')).toBeGreaterThan(before)
  expect(ledger.errors).toEqual([])
  const values = await valuesAt(to, tag)
  bounds(ledger).forEach(([least], index) => void expect(values[index]).toBe(least))
})

test('keys that stay apart for longer than a call has time are told as such, and hold nobody else up', {
  timeout: 60_000,
}, async () => {
  const tag = 'parted'
  const { client } = await open({
    cluster: { addresses: addressesOf(cluster) },
    attempt: '1s',
    deadline: '1500ms',
  })
  const ledger = ledgerOfTest()
  const from = await cluster.ownerOf(`{${tag}}`)
  const to = (await cluster.shape()).find(({ node, slots }) => slots.length > 0 && node !== from)!.node
  const loops = counting(client, ledger, tag)
  await goOn(loops, 5)
  const move = await cluster.moveSlot(keySlot(`{${tag}}`), to, { half: true })
  // Enough of them for a breaker to open, if they spoke against the node.
  await until(() => ledger.ids('failed').length >= 12)
  await goOn(loops.slice(0, names.length), 20)
  await move.finish()
  await goOn(loops, 20)
  await Promise.all(loops.map(({ stop }) => stop()))

  expect([...new Set(ledger.errors.map(error => (error as { code?: string }).code))]).toEqual(['TRY_AGAIN'])
  expect([...new Set(ledger.ids('failed').map(id => id.split('.')[0]))]).toEqual(['pair'])
  const values = await valuesAt(to, tag)
  bounds(ledger).forEach(([least], index) => void expect(values[index]).toBe(least))
})

test('a slot moves to a master that has none yet', { timeout: 60_000 }, async () => {
  const tag = 'settler'
  const from = await cluster.ownerOf(`{${tag}}`)
  const spare = await cluster.replicasOf(from)
  const empty = spare[0]!
  // A replica that leaves its master becomes a master without slots.
  await empty.ask('FLUSHALL').catch(() => undefined)
  await empty.ask('CLUSTER', 'RESET', 'SOFT')
  await empty.ask('CLUSTER', 'MEET', '127.0.0.1', String(from.port))
  await until(
    async () =>
      [empty, from].every(Boolean) &&
      new RegExp(`${empty.id} .*master`).test(String(await from.ask('CLUSTER', 'NODES'))),
  )
  await until(async () => /cluster_state:ok/.test(String(await empty.ask('CLUSTER', 'INFO'))))
  const { client } = await open({ cluster: { addresses: addressesOf(cluster) } })
  const ledger = ledgerOfTest()
  const loops = counting(client, ledger, tag)
  await goOn(loops, 5)
  const move = await cluster.moveSlot(keySlot(`{${tag}}`), empty, { half: true })
  // Whatever makes the client look at the map must not close the node that gets the slot.
  for (const { node } of (await cluster.shape()).filter(({ slots }) => slots.length > 0)) {
    await node.ask('CLIENT', 'KILL', 'TYPE', 'normal')
    await goOn(loops.slice(0, names.length), 10)
  }
  await move.finish()
  await goOn(loops, 20)
  await Promise.all(loops.map(({ stop }) => stop()))

  expect(await errorsOf(from, 'ASK')).toBeGreaterThan(0)
  const codes = ledger.errors.map(error => (error as { outcome?: string; code?: string }).code)
  expect(codes.filter(code => code !== 'DISCONNECTED')).toEqual([])
  expect(ledger.ids('failed')).toEqual([])
  const values = await valuesAt(empty, tag)
  bounds(ledger).forEach(([least, most], index) => {
    expect(values[index]).toBeGreaterThanOrEqual(least)
    expect(values[index]).toBeLessThanOrEqual(most)
  })
})

test('a call that is sent on to a node out of reach waits for it and runs once', { timeout: 60_000 }, async () => {
  const tag = 'onward'
  const from = await cluster.ownerOf(`{${tag}}`)
  const to = (await cluster.shape()).find(({ node, slots }) => slots.length > 0 && node !== from)!.node
  await using proxy = await startProxy({ to: to.port })
  const natMap = { [`127.0.0.1:${to.port}`]: `127.0.0.1:${proxy.port}` }
  const { client } = await open({ cluster: { addresses: [`127.0.0.1:${from.port}`] }, natMap })
  const reached = () => client.$status.nodes.find(({ server }) => server === `127.0.0.1:${proxy.port}`)?.state
  await until(() => reached() === 'connected')
  await from.ask('CLUSTER', 'SETSLOT', String(keySlot(`{${tag}}`)), 'MIGRATING', to.id)
  await to.ask('CLUSTER', 'SETSLOT', String(keySlot(`{${tag}}`)), 'IMPORTING', from.id)
  await proxy.refuse()
  await until(() => reached() === 'reconnecting')

  const keys = Array.from({ length: 10 }, (_, index) => keyOf(tag)(`${index}`))
  const increments = keys.map(key => client.$command('INCR', [key]))
  // Longer than one try may take.
  await sleep(1_500)
  expect(await errorsOf(from, 'ASK')).toBeGreaterThan(0)
  await proxy.pass()
  expect(await Promise.all(increments)).toEqual(keys.map(() => 1))
  await until(() => reached() === 'connected')
  await client.$command('PING')
  expect(await Promise.all(keys.map(key => client.$command('GET', [key])))).toEqual(keys.map(() => '1'))
})
