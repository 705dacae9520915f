import { type FaultProxy, type RedisProcess, startCluster, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { ConnectOptions } from '../../src/config/options.ts'
import type { Options } from '../conformance/cache.ts'
import { openClient, type RedisCacheClient } from '../kinds/cache-redis-harness.ts'
import { until } from '../live-server.ts'
import { proxyLinkOf, serverLinks, timesRun } from './evidence.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis({ args: { 'enable-debug-command': 'yes' } })
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  await server.ask('FLUSHALL')
  await server.ask('CONFIG', 'RESETSTAT')
})

async function opened(
  options: Partial<Options> = {},
  terms: ConnectOptions = {},
): Promise<RedisCacheClient & { readonly proxy: FaultProxy }> {
  const proxy = await startProxy({ to: server.port })
  onTestFinished(() => proxy.close())
  const client = await openClient(proxy.port, { near: true, ...options }, terms)
  onTestFinished(client.close)
  return { ...client, proxy }
}

/** Reads until the value comes from this process. */
async function nearby({ cache, figures }: RedisCacheClient, id: string): Promise<unknown> {
  for (;;) {
    const before = figures().nearHits
    const value = await cache({ id }).get()
    if (figures().nearHits > before) return value
    await new Promise(resolve => setImmediate(resolve))
  }
}

const change = (value: number | string) => server.ask('SET', 'value:a', JSON.stringify(value))

async function linkOf(role: string, proxy: FaultProxy) {
  const [link] = await until(async () => {
    const links = await serverLinks(server, role)
    return links.length > 0 && links
  })
  return { id: link!.id, through: proxyLinkOf(proxy.links, link!) }
}

const asked = async (node: RedisProcess) => (await timesRun(node, 'get')) + (await timesRun(node, 'mget'))

test('of 20,000 reads of one key the server sees a handful, before and after it changes', async () => {
  const client = await opened()
  await change('old')
  expect(await nearby(client, 'a')).toBe('old')
  await server.ask('CONFIG', 'RESETSTAT')
  for (let read = 0; read < 10_000; read++) expect(await client.cache({ id: 'a' }).get()).toBe('old')
  await change('new')
  await until(async () => (await client.cache({ id: 'a' }).get()) === 'new')
  expect(await nearby(client, 'a')).toBe('new')
  const reads = Array.from({ length: 10_000 }, () => client.cache({ id: 'a' }).get())
  expect(new Set(await Promise.all(reads))).toEqual(new Set(['new']))
  expect(await asked(server)).toBeLessThan(100)
})

test('on a cluster a hot key asks a handful of its own node, and nothing of the others', {
  timeout: 60_000,
}, async () => {
  const cluster = await startCluster({ replicas: 0 })
  onTestFinished(cluster.stop)
  const addresses = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`)
  const client = await openClient(0, { near: true }, { url: undefined, cluster: { addresses } })
  onTestFinished(client.close)
  await client.cache({ id: 'a' }).set('hot')
  await Promise.all(cluster.nodes.map(node => node.ask('CONFIG', 'RESETSTAT')))
  expect(await nearby(client, 'a')).toBe('hot')
  for (let read = 0; read < 20_000; read++) await client.cache({ id: 'a' }).get()
  const owner = await cluster.ownerOf('value:a')
  for (const node of cluster.nodes) {
    if (node === owner) expect(await asked(node)).toBeLessThan(100)
    else expect(await asked(node)).toBe(0)
  }
})

test('a value whose change is told before it arrives is not kept', async () => {
  const client = await opened()
  await change('warm')
  expect(await nearby(client, 'a')).toBe('warm')
  const { through } = await linkOf('commands', client.proxy)
  for (const id of ['b', 'c', 'd', 'e']) {
    await server.ask('SET', `value:${id}`, '"old"')
    await server.ask('CONFIG', 'RESETSTAT')
    through.apply({ kind: 'delay', down: 100 })
    const reads = [client.cache({ id }).get(), client.cache.getMany([{ id }, { id: 'other' }])]
    await until(async () => (await asked(server)) >= 2)
    await server.ask('SET', `value:${id}`, '"new"')
    await Promise.all(reads)
    through.apply({ kind: 'pass' })
    expect(await client.cache({ id }).get()).toBe('new')
    expect(await nearby(client, id)).toBe('new')
  }
})

test('no read is older than the one before, whenever the link that tells of changes is killed', async () => {
  const client = await opened()
  let latest = 0
  for (let round = 1; round <= 20; round++) {
    await change(round)
    if (round % 2 === 0) {
      const { id } = await linkOf('tracking', client.proxy)
      await server.ask('CLIENT', 'KILL', 'ID', id)
      await change(round + 0.5)
    }
    const truth = round % 2 === 0 ? round + 0.5 : round
    await until(async () => {
      const value = (await client.cache({ id: 'a' }).get()) as number
      expect(value).toBeGreaterThanOrEqual(latest)
      latest = value
      return value === truth
    })
    expect(await nearby(client, 'a')).toBe(truth)
  }
  expect(client.state()).toBe('connected')
})

test('nor is what a silent link did not tell believed for long', async () => {
  const client = await opened({}, { stall: '300ms' })
  await change('old')
  expect(await nearby(client, 'a')).toBe('old')
  const { through } = await linkOf('tracking', client.proxy)
  through.apply({ kind: 'blackhole' })
  await change('new')
  await until(async () => (await client.cache({ id: 'a' }).get()) === 'new')
  for (let read = 0; read < 100; read++) expect(await client.cache({ id: 'a' }).get()).toBe('new')
  expect(await nearby(client, 'a')).toBe('new')
})

test('that there is none is kept for negativeTtl, though the server has not got round to telling of its end', async () => {
  await server.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  onTestFinished(async () => void (await server.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '1')))
  const client = await opened({ negativeTtl: '300ms' })
  await client.cache({ id: 'a' }).getOrLoad(() => undefined)
  expect(await nearby(client, 'a')).toBeUndefined()
  await until(async () => (await client.cache({ id: 'a' }).getOrLoad(() => 'found')) === 'found')
})

test('a copy is not believed when the node of its tag does not tell of changes', { timeout: 60_000 }, async () => {
  const cluster = await startCluster({ replicas: 0 })
  onTestFinished(cluster.stop)
  const addressed = { addresses: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`) }
  const mute = await cluster.ownerOf('{value:<id>}:~tag:all')
  await mute.ask('ACL', 'SETUSER', 'default', '-client|tracking')
  const all = ['a', 'b', 'c', 'd', 'e', 'f']
  const owners = await Promise.all(all.map(one => cluster.ownerOf(`value:${one}`)))
  const id = all[owners.findIndex(owner => owner !== mute)]!
  const [one, other] = await Promise.all(
    [0, 1].map(() =>
      openClient(0, { near: { ttl: '1h' }, tags: () => ['all'] }, { url: undefined, cluster: addressed }),
    ),
  )
  onTestFinished(one!.close)
  onTestFinished(other!.close)
  await one!.cache({ id }).set('old')
  expect(await nearby(one!, id)).toBe('old')
  await other!.cache.invalidateTag('all')
  // After as long as copies live where nothing is told, and not where it is.
  await until(async () => (await one!.cache({ id }).get()) === undefined)
})
