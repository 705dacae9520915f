import { type Cluster, keySlot, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isKeyplanError } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { addressesOf, keyOf, readTag, tagsOf } from './cluster-tags.ts'
import { goOn, type Loop, ledgerOfTest, loop, open } from './failover-client.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())

type Triple<T> = [T, T, T]

const names = Array.from({ length: 20 }, (_, index) => `key${index}`)

test('the node that a slot moves to is killed half-way: typed errors in time, nothing doubled, and it heals', {
  timeout: 60_000,
}, async () => {
  const deadlineMs = 1_000
  const { client } = await open({ cluster: { addresses: addressesOf(cluster) }, deadline: '1s' })
  const [[, tag], [target], [, other]] = (await tagsOf(cluster)) as Triple<Awaited<ReturnType<typeof tagsOf>>[number]>
  const slot = keySlot(`{${tag}}`)
  const ledger = ledgerOfTest()
  const budget = openBudget(deadlineMs)
  const loops: Loop[] = names.map((name, index) =>
    loop(ledger, `moved.${index}`, () => budget.within(() => client.$command('INCR', [keyOf(tag)(name)]))),
  )
  const sound = loop(ledger, 'sound', id => client.$command('INCR', [keyOf(other)(id)]))
  await goOn([...loops, sound], 5)
  const move = await cluster.moveSlot(slot, target, { half: true })
  await goOn([...loops, sound], 20)
  const [replica] = await cluster.replicasOf(target)
  await target.kill()
  await until(() => ledger.ids('failed').length > 20)
  await goOn([sound])

  // The replica that takes over knows nothing of the move: whoever made it begins again.
  await until(async () => (await cluster.shape()).some(({ node, role }) => node === replica && role === 'master'))
  await target.restart()
  await until(() =>
    cluster.moveSlot(slot, replica!).then(
      () => true,
      // Who has the slot may not know of the new master yet.
      () => false,
    ),
  )
  await goOn([...loops, sound], 20)
  await Promise.all([...loops, sound].map(({ stop }) => stop()))

  expect(move.moved).toBe(names.length / 2)
  expect(await cluster.ownerOf(slot)).toBe(replica)
  expect(ledger.errors.filter(error => !isKeyplanError(error))).toEqual([])
  const soundErrors = [...ledger.ids('failed'), ...ledger.ids('unknown')].filter(id => id.startsWith('sound'))
  expect(soundErrors).toEqual([])
  expect(budget.worst).toBeLessThan(budget.limit)
  expect(ledger.open()).toEqual([])
  const values = (await readTag(cluster, tag)(names)).map(Number)
  const ofKey = (ids: readonly string[], index: number) => ids.filter(id => id.startsWith(`moved.${index}-`)).length
  const [done, unknown] = [ledger.ids('done'), ledger.ids('unknown')]
  let lost = 0
  values.forEach((value, index) => {
    expect(value).toBeLessThanOrEqual(ofKey(done, index) + ofKey(unknown, index))
    lost += Math.max(0, ofKey(done, index) - value)
  })
  // What the killed node had acknowledged a moment before it was replicated.
  expect(lost).toBeLessThanOrEqual(names.length)
})
