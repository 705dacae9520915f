import { readFile, stat } from 'node:fs/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connectResp, type SentinelOptions, type SentinelTopology, startSentinel } from '../src/index.ts'

const patience = { timeout: 25_000, interval: 20 }

async function start(options?: SentinelOptions) {
  const topology = await startSentinel(options)
  onTestFinished(topology.stop)
  return topology
}

/** The promotion that nobody asked for, once the Sentinels agree on it. */
function promoted({ master }: SentinelTopology, than: unknown) {
  return vi.waitUntil(async () => {
    const now = await master()
    return now !== than && String(await now.ask('INFO', 'replication')).includes('role:master') ? now : undefined
  }, patience)
}

test('it is handed over whole: each Sentinel knows the others, both replicas and one master', async () => {
  const topology = await start()
  const { sentinels, data } = topology
  const first = await topology.master()
  expect(first).toBe(data[0])
  for (const sentinel of sentinels) {
    expect(String(await sentinel.ask('SENTINEL', 'CKQUORUM', 'mymaster'))).toMatch(/^OK 3 usable/)
    expect(await sentinel.ask('SENTINEL', 'REPLICAS', 'mymaster')).toHaveLength(2)
    expect(await sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')).toEqual([
      '127.0.0.1',
      `${first.port}`,
    ])
  }
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  expect(topology.url).toBe(`redis://${hosts}?sentinelMasterId=mymaster`)
  expect(topology.environment).toEqual({ REDIS_URL: topology.url })
})

test('a planned failover gives another master with the data; the old one follows it', async () => {
  const topology = await start()
  const old = await topology.master()
  const writer = await old.connect()
  await writer.ask('SET', 'k', 'v')
  // On the connection of the write: WAIT waits for what its own connection wrote.
  expect(await writer.ask('WAIT', '2', '5000')).toBe(2)
  writer.close()
  const now = await topology.failover()
  expect(now).not.toBe(old)
  expect(await now.ask('GET', 'k')).toBe('v')
  expect(await now.ask('SET', 'k', 'w')).toBe('OK')
  await topology.settled()
  expect(await old.ask('GET', 'k')).toBe('w')
})

test('a master that is killed is replaced, and follows when it comes back', async () => {
  const topology = await start()
  const old = await topology.master()
  await old.kill()
  await promoted(topology, old)
  await old.restart()
  await topology.settled()
  expect(await topology.master()).not.toBe(old)
  await expect(old.ask('SET', 'k', 'v')).rejects.toThrow('READONLY')
})

test('a master that hangs is replaced, also while a Sentinel is down', async () => {
  const topology = await start({ sentinels: 3, downAfter: 500 })
  const old = await topology.master()
  await topology.sentinels[0]!.kill()
  await old.pause()
  await promoted(topology, old)
})

test('servers and Sentinels ask for their passwords, and keep them from others', async () => {
  const topology = await start({ password: 'data "p@ss"', sentinelPassword: 'watch ü' })
  const [sentinel] = topology.sentinels
  expect(topology.environment.REDIS_SENTINEL_PASSWORD).toBe('watch ü')
  expect(topology.url).toContain(`redis://:${encodeURIComponent('data "p@ss"')}@127.0.0.1:${sentinel!.port},`)
  await topology.failover()
  await topology.settled()
  for (const node of topology.nodes) {
    expect(await readFile(`/proc/${node.pid}/cmdline`, 'utf8')).not.toMatch(/p@ss|watch/)
    // Sentinels and failovers have written it anew.
    expect((await stat(`${node.dir}/redis.conf`)).mode & 0o077).toBe(0)
  }
})

test('a password of the data is none of the Sentinels', async () => {
  const { sentinels, data, settled } = await start({ password: 'data', replicas: 1 })
  for (const { port } of sentinels) {
    const connection = await connectResp({ port })
    onTestFinished(connection.close)
    expect(await connection.ask('PING')).toBe('PONG')
  }
  const connection = await connectResp({ port: data[0]!.port })
  onTestFinished(connection.close)
  expect(String(await connection.ask('PING'))).toContain('NOAUTH')
  await settled()
})

test('behind proxies, clients are told of the proxies only', async () => {
  const topology = await start({ proxied: true })
  const { sentinels, data } = topology
  const master = await topology.master()
  expect(new Set(topology.nodes.map(({ proxy }) => proxy!.port)).size).toBe(6)
  expect(topology.url).toContain(sentinels.map(({ proxy }) => `127.0.0.1:${proxy!.port}`).join(','))
  const replicas = String(await sentinels[0]!.ask('SENTINEL', 'REPLICAS', 'mymaster'))
  for (const replica of data.filter(node => node !== master)) {
    expect(replicas).toContain(`127.0.0.1:${replica.proxy!.port}`)
    expect(replicas).not.toContain(String(replica.port))
  }
  const others = String(await sentinels[0]!.ask('SENTINEL', 'SENTINELS', 'mymaster'))
  expect(others).toContain(String(sentinels[1]!.proxy!.port))
})

test('a fault for everyone before the master is found by the Sentinels', async () => {
  const topology = await start({ proxied: 'everyone' })
  const old = await topology.master()
  await old.proxy!.blackhole()
  const now = await promoted(topology, old)
  expect(await now.ask('SET', 'k', 'v')).toBe('OK')
  // The old one lives, and knows of nothing.
  expect(String(await old.ask('INFO', 'replication'))).toContain('role:master')
  await old.proxy!.pass()
  await topology.settled()
  expect(await old.ask('GET', 'k')).toBe('v')
})
