import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Cluster, keySlot, startCluster, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { isKeyplanError } from '../../src/index.ts'
import { addressesOf, keyOf, tagsOf } from './cluster-tags.ts'
import { open, plan } from './failover-client.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
}, 60_000)
afterAll(() => cluster.stop())

const quiet = { log: () => {} }
const refusal = (options: Parameters<typeof connect>[1]) =>
  connect(plan, { ...quiet, ...options }).then(
    client => client.$close().then(() => undefined),
    error => error,
  )

test('nodes that are reached by other addresses than they name each other by', async () => {
  const proxies = await Promise.all(cluster.nodes.map(({ port }) => startProxy({ to: port })))
  onTestFinished(() => Promise.all(proxies.map(proxy => proxy.close())).then(() => undefined))
  const natMap = Object.fromEntries(
    cluster.nodes.map(({ port }, index) => [`127.0.0.1:${port}`, `127.0.0.1:${proxies[index]!.port}`]),
  )
  const { client } = await open({ cluster: { addresses: [`127.0.0.1:${proxies[0]!.port}`] }, natMap })
  const tags = await tagsOf(cluster)
  for (const [owner, tag] of tags) {
    expect(await client.$command('SET', [keyOf(tag)('x'), tag])).toBe('OK')
    expect(await owner.ask('GET', keyOf(tag)('x'))).toBe(tag)
  }
  const reached = proxies.map(({ port }) => `127.0.0.1:${port}`)
  expect(client.$status.nodes.map(({ server }) => server).sort()).toEqual(reached.sort())
  // A slot that has moved is followed there, too.
  const [[from, tag], [to]] = tags as [(typeof tags)[0], (typeof tags)[0]]
  await cluster.moveSlot(keySlot(`{${tag}}`), to)
  expect(await client.$command('GET', [keyOf(tag)('x')])).toBe(tag)
  expect(await from.ask('INFO', 'errorstats')).toContain('errorstat_MOVED')
  expect(client.$status.nodes.map(({ server }) => server).sort()).toEqual(reached.sort())
  for (const proxy of proxies) expect(proxy.totals.connections).toBeGreaterThan(0)
})

test('a seed that is dead, and one that is silent, keep nobody from the others', async () => {
  const silent = createServer(() => {})
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  onTestFinished(() => void silent.close())
  const gone = await startRedis()
  await gone.cleanUp()
  const dead = [`127.0.0.1:${gone.port}`, `127.0.0.1:${(silent.address() as { port: number }).port}`]
  const { client } = await open({
    cluster: { addresses: [...dead, addressesOf(cluster)[0]!] },
    start: 'required',
    connectTimeout: '3s',
  })
  for (const [, tag] of await tagsOf(cluster)) {
    expect(await client.$command('SET', [keyOf(tag)('seed'), 1])).toBe('OK')
  }
  expect(client.$status.nodes.length).toBe(3)
})

test('a server that is no cluster is refused with what to do', async () => {
  await using server = await startRedis()
  const error = await refusal({ cluster: { addresses: [`127.0.0.1:${server.port}`] } })
  expect(isKeyplanError(error, 'UNSUPPORTED')).toBe(true)
  expect(error.message).toMatch(/not part of a cluster; connect to it without `cluster`/)
  expect(String(await server.ask('INFO', 'errorstats'))).toContain('errorstat_ERR')
})

test('a node of a cluster that is given as the one server is refused with what to do', async () => {
  const [node] = cluster.nodes
  const error = await refusal({ url: `redis://127.0.0.1:${node!.port}` })
  expect(isKeyplanError(error, 'UNSUPPORTED')).toBe(true)
  expect(error.message).toMatch(/one node of a cluster.*connect with `cluster`/)
})

test('a cluster of one node may be given as the one server', async () => {
  await using single = await startCluster({ masters: 1, replicas: 0 })
  const { client } = await open({ url: `redis://127.0.0.1:${single.nodes[0]!.port}` })
  expect(await client.$command('SET', ['raw:x', 1])).toBe('OK')
})

test('a node that has joined no cluster is not taken for one that works', async () => {
  await using lonely = await startRedis({ args: { 'cluster-enabled': 'yes' } })
  const error = await refusal({
    cluster: { addresses: [`127.0.0.1:${lonely.port}`] },
    start: 'required',
    connectTimeout: '1s',
  })
  expect(isKeyplanError(error)).toBe(true)
  const { client } = await open({
    cluster: { addresses: [`127.0.0.1:${lonely.port}`] },
    connectTimeout: '1s',
    deadline: '300ms',
  })
  expect(client.$status.state).not.toBe('connected')
  await expect(client.$command('GET', ['raw:x'])).rejects.toMatchObject({ outcome: 'not-executed' })
  // It joins, and is found.
  await lonely.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await expect.poll(() => client.$command('SET', ['raw:x', 1]).catch(() => 0), { timeout: 15_000 }).toBe('OK')
})

test('keys of several slots are refused before they are sent', async () => {
  const { client } = await open({ cluster: { addresses: addressesOf(cluster) } })
  const [first, second] = (await tagsOf(cluster)).map(([, tag]) => keyOf(tag)('x')) as [string, string]
  const before = await Promise.all(cluster.nodes.map(node => node.ask('DBSIZE')))
  const crossing = client.$transaction([
    ['SET', first, 1],
    ['SET', second, 1],
  ])
  await expect(crossing).rejects.toMatchObject({ code: 'CROSS_SLOT', outcome: 'not-executed' })
  await expect(client.$command('MSET', [`${first}new`, 1, `${second}new`, 1])).rejects.toMatchObject({
    code: 'CROSS_SLOT',
    outcome: 'not-executed',
    message: expect.stringMatching(/different slots/),
  })
  expect(await Promise.all(cluster.nodes.map(node => node.ask('DBSIZE')))).toEqual(before)
})
