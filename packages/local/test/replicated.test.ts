import { expect, onTestFinished, test, vi } from 'vitest'
import { type ReplicatedOptions, startReplicated } from '../src/index.ts'

/** Vitest's own is a second, which a busy machine may need. */
const patience = { timeout: 20_000 }

async function start(options?: ReplicatedOptions) {
  const replicated = await startReplicated(options)
  onTestFinished(replicated.stop)
  return replicated
}

test('it is handed over with every replica in step, and says where a client finds them', async () => {
  const { master, replicas, environment } = await start({ replicas: 2, password: 'p@ss' })
  expect(replicas).toHaveLength(2)
  for (const replica of replicas) expect(await replica.ask('INFO', 'replication')).toContain('master_link_status:up')

  await master.ask('SET', 'k', 'v')
  for (const replica of replicas) await vi.waitUntil(async () => (await replica.ask('GET', 'k')) === 'v', patience)
  await expect(replicas[0]!.ask('SET', 'k', 'w')).rejects.toThrow('READONLY')

  expect(environment).toEqual({
    REDIS_URL: `redis://:p%40ss@127.0.0.1:${master.port}`,
    REDIS_READ_REPLICAS: 'true',
    REDIS_READ_REPLICA_URLS: replicas.map(({ port }) => `redis://:p%40ss@127.0.0.1:${port}`).join(','),
  })
})

test('a replica that was killed, or stopped for a while, is waited for until it has caught up', async () => {
  const { master, replicas, settled } = await start()
  const [replica] = replicas
  await replica!.kill()
  await master.ask('SET', 'k', '1')
  await replica!.restart()
  await settled()
  expect(await replica!.ask('GET', 'k')).toBe('1')

  await replica!.pause()
  await master.ask('SET', 'k', '2')
  replica!.resume()
  await vi.waitUntil(async () => (await replica!.ask('GET', 'k')) === '2', patience)
})

test('proxies are what clients know; what servers say to each other passes them unharmed', async () => {
  const { master, replicas, url, settled } = await start({ proxied: true })
  expect(new URL(url).port).toBe(String(master.proxy!.port))
  await master.proxy!.reset()
  await replicas[0]!.restart()
  await settled()
  await master.ask('SET', 'k', 'v')
  await vi.waitUntil(async () => (await replicas[0]!.ask('GET', 'k')) === 'v', patience)
})

test('a fault for everyone breaks replication too', async () => {
  const { master, replicas, settled } = await start({ proxied: 'everyone' })
  const [replica] = replicas
  await master.proxy!.refuse()
  await vi.waitUntil(
    async () => String(await replica!.ask('INFO', 'replication')).includes('link_status:down'),
    patience,
  )
  await master.proxy!.pass()
  await settled()
  expect(master.proxy!.totals.connections).toBeGreaterThan(1)
})
