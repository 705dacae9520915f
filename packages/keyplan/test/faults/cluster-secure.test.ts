import { type Cluster, keySlot, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { until } from '../live-server.ts'
import { addressesOf, incrementsOf, tagsOf } from './cluster-tags.ts'
import { goOn, ledgerOfTest, loop, open, plan } from './failover-client.ts'

const password = 'a@b:c/d#e%f?é'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ password, tls: true })
}, 60_000)
afterAll(() => cluster.stop())

const options = () => ({
  cluster: { addresses: addressesOf(cluster) },
  password,
  tls: { ca: cluster.tls!.authority.certificate },
})

test('a cluster with TLS and a password: every node is reached, a slot that moves and a failover are followed', {
  timeout: 60_000,
}, async () => {
  const { client, lines, failovers } = await open(options())
  const tags = await tagsOf(cluster)
  const ledger = ledgerOfTest()
  const loops = tags.map(([, tag], index) => loop(ledger, `secure${index}`, incrementsOf(client, tag)))
  await goOn(loops)
  const [[, tag], [to]] = tags as [(typeof tags)[0], (typeof tags)[0]]
  await cluster.moveSlot(keySlot(`{${tag}}`), to)
  await goOn(loops)
  await cluster.failover(to)
  await goOn(loops)
  await Promise.all(loops.map(({ stop }) => stop()))
  expect(ledger.errors).toEqual([])
  await until(() => failovers.length === 1)
  expect(JSON.stringify([lines, failovers, client.$status])).not.toContain(password)
})

test('a wrong password and TLS that is not trusted are refused at once', async () => {
  const refusal = (change: Parameters<typeof connect>[1]) =>
    connect(plan, { log: () => {}, ...options(), ...change }).then(
      client => client.$close().then(() => 'connected'),
      error => error.code,
    )
  expect(await refusal({ password: 'wrong' })).toBe('AUTH_FAILED')
  expect(await refusal({ tls: {} })).toBe('TLS_FAILED')
})
