import { expect, onTestFinished, test, vi } from 'vitest'
import { type Cluster, type ClusterOptions, keySlot, startCluster } from '../src/index.ts'

const patience = { timeout: 25_000, interval: 20 }

async function start(options?: ClusterOptions) {
  const cluster = await startCluster(options)
  onTestFinished(cluster.stop)
  return cluster
}

async function otherMaster(cluster: Cluster, than: unknown) {
  const found = (await cluster.shape()).find(({ node, role }) => role === 'master' && node !== than)
  return found!.node
}

test('it is handed over whole: six nodes that agree, all slots covered, a replica in step for each master', async () => {
  const cluster = await start()
  const shape = await cluster.shape()
  expect(shape.filter(({ role }) => role === 'master').flatMap(({ slots }) => slots)).toEqual([
    [0, 5460],
    [5461, 10922],
    [10923, 16383],
  ])
  expect(new Set(shape.map(({ epoch }) => epoch)).size).toBe(3)
  for (const node of cluster.nodes) {
    const info = String(await node.ask('CLUSTER', 'INFO'))
    for (const line of ['cluster_state:ok', 'cluster_slots_ok:16384', 'cluster_known_nodes:6', 'cluster_size:3']) {
      expect(info).toContain(line)
    }
  }
  for (const { node, role } of shape) {
    if (role === 'master') expect(await cluster.replicasOf(node)).toHaveLength(1)
    else expect(await node.ask('INFO', 'replication')).toContain('master_link_status:up')
  }
  expect(cluster.environment).toEqual({
    REDIS_URL: `redis://127.0.0.1:${cluster.nodes[0]!.port}`,
    REDIS_CLUSTER_MODE: 'true',
    REDIS_CLUSTER_NODES: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(','),
  })

  const keys = ['', 'a', '{a}b', 'x{a}y{b}', '{}a', '{a', 'a}{b}', '{{a}}', 'ключ{é}', 'foo{}{bar}', '123456789']
  for (const key of keys) expect(keySlot(key)).toBe(await cluster.nodes[0]!.ask('CLUSTER', 'KEYSLOT', key))
})

test('a slot moves in two halves: ASK for what has gone, MOVED in the end, no key lost', async () => {
  const cluster = await start({ password: 'p ü"@', masters: 3, replicas: 0 })
  expect(cluster.environment.REDIS_PASSWORD).toBe('p ü"@')
  const slot = keySlot('{tag}')
  const from = await cluster.ownerOf('{tag}')
  const to = await otherMaster(cluster, from)
  const keys = Array.from({ length: 251 }, (_, index) => `{tag}:${index}`)
  const filling = await from.connect({ encoding: 'latin1' })
  onTestFinished(filling.close)
  for (const key of keys) expect(await filling.ask('SET', key, key)).toBe('OK')
  expect(await filling.ask('SET', '{tag}\xff\xfe', 'not UTF-8')).toBe('OK')

  const move = await cluster.moveSlot(slot, to, { half: true })
  expect(move).toMatchObject({ slot, from, to, moved: 126 })
  expect(await from.ask('CLUSTER', 'COUNTKEYSINSLOT', `${slot}`)).toBe(126)
  expect(await to.ask('CLUSTER', 'COUNTKEYSINSLOT', `${slot}`)).toBe(126)
  expect(await cluster.ownerOf(slot)).toBe(from)
  const replies = await Promise.all(keys.map(key => filling.ask('GET', key)))
  const asked = replies.filter(reply => String(reply) === `Error: ASK ${slot} 127.0.0.1:${to.port}`)
  expect(replies.filter(reply => typeof reply === 'string').length + asked.length).toBe(251)
  expect(asked.length).toBeGreaterThanOrEqual(125)

  await move.finish()
  await move.finish()
  expect(move.moved).toBe(252)
  expect(await cluster.ownerOf(slot)).toBe(to)
  await expect(from.ask('GET', keys[0]!)).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to.port}`)
  for (const key of keys) expect(await to.ask('GET', key)).toBe(key)
  await cluster.settled()
  await expect(cluster.moveSlot(slot, to)).rejects.toThrow('already')
})

test('a planned failover swaps a master and its replica', async () => {
  const cluster = await start()
  const old = await cluster.ownerOf('k')
  const [replica] = await cluster.replicasOf(old)
  await old.ask('SET', 'k', 'v')
  expect(await cluster.failover(old)).toBe(replica)
  expect(await cluster.ownerOf('k')).toBe(replica)
  expect(await replica!.ask('GET', 'k')).toBe('v')
  expect(await cluster.replicasOf(replica!)).toEqual([old])
  expect(await cluster.failover(old)).toBe(old)
})

test('a master that is killed is replaced by its replica, and follows that when it comes back', async () => {
  const cluster = await start({ nodeTimeout: 1_000 })
  const old = await cluster.ownerOf('k')
  const [replica] = await cluster.replicasOf(old)
  await old.kill()
  const owner = await vi.waitUntil(() => cluster.ownerOf('k').catch(() => undefined), patience)
  expect(owner).toBe(replica)
  await vi.waitUntil(async () => (await replica!.ask('SET', 'k', 'v').catch(() => '')) === 'OK', patience)
  await old.restart()
  await cluster.settled()
  expect(await cluster.replicasOf(replica!)).toEqual([old])
})

test('without full coverage the other slots are served while one master is gone', async () => {
  const cluster = await start({ replicas: 0, nodeTimeout: 500, requireFullCoverage: 'no' })
  const gone = await cluster.ownerOf('k')
  const there = await otherMaster(cluster, gone)
  await gone.kill()
  await expect(cluster.ownerOf('k')).rejects.toThrow(`no node that answers has slot ${keySlot('k')}`)
  const failing = async () => String(await there.ask('CLUSTER', 'NODES')).includes('master,fail ')
  await vi.waitUntil(failing, patience)
  const own = Array.from({ length: 1_000 }, (_, index) => `key-${index}`)
  const key = await vi.waitUntil(async () => {
    const candidate = own.pop()
    return candidate !== undefined && (await cluster.ownerOf(candidate).catch(() => gone)) === there
      ? candidate
      : undefined
  }, patience)
  expect(await there.ask('SET', key, 'v')).toBe('OK')
})

test('behind proxies, clients are told of the proxies only', async () => {
  const cluster = await start({ proxied: true })
  const ports = new Set<unknown>()
  for (const shard of (await cluster.nodes[0]!.ask('CLUSTER', 'SLOTS')) as [number, number, ...[string, number][]][]) {
    for (const [host, port] of shard.slice(2) as [string, number][]) {
      expect(host).toBe('127.0.0.1')
      ports.add(port)
    }
  }
  expect(ports).toEqual(new Set(cluster.nodes.map(({ proxy }) => proxy!.port)))
  expect(cluster.environment.REDIS_CLUSTER_NODES).toContain(`127.0.0.1:${cluster.nodes[5]!.proxy!.port}`)

  const owner = await cluster.ownerOf('{tag}')
  for (const { proxy } of cluster.nodes) await proxy!.reset()
  await (await cluster.moveSlot(keySlot('{tag}'), await otherMaster(cluster, owner))).finish()
  await cluster.settled()
})
