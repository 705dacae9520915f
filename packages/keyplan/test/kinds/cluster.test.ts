import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { type CacheDeclaration, cache } from '../../src/kinds/cache/contract.ts'
import { cacheKind } from '../../src/kinds/cache/kind.ts'
import { documentKind } from '../../src/kinds/document/kind.ts'
import type { Opened, Surroundings } from '../../src/kinds/kind.ts'
import { lockScripts } from '../../src/kinds/lock/mutex/scripts.ts'
import { readWriteLock } from '../../src/kinds/lock/read-write/contract.ts'
import { readWriteLockKind } from '../../src/kinds/lock/read-write/kind.ts'
import { openPermits } from '../../src/kinds/rate-limit/concurrency/open.ts'
import { rateLimit } from '../../src/kinds/rate-limit/declaration.ts'
import { rateLimitKind } from '../../src/kinds/rate-limit/kind.ts'
import { openRates } from '../../src/kinds/rate-limit/open.ts'
import { registryKind } from '../../src/kinds/registry/kind.ts'
import { semaphoreKind } from '../../src/kinds/semaphore/kind.ts'
import { sessionKind } from '../../src/kinds/session/kind.ts'
import { markScripts } from '../../src/mechanisms/mark/scripts.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { type Cache, type CacheHarness, cacheConformance, declared, type Options } from '../conformance/cache.ts'
import { type DocumentHarness, documentConformance } from '../conformance/document.ts'
import { type LockHarness, lockConformance } from '../conformance/lock.ts'
import { officeConformance } from '../conformance/office.ts'
import { type OnceHarness, onceConformance } from '../conformance/once.ts'
import { permitConformance } from '../conformance/permits.ts'
import { type LimitOptions, type RateLimitHarness, rateLimitConformance } from '../conformance/rate-limit.ts'
import { leaseMs, readWriteConformance } from '../conformance/read-write-lock.ts'
import { type AgentClient, type RegistryHarness, registryConformance } from '../conformance/registry.ts'
import { type SemaphoreHarness, semaphoreConformance } from '../conformance/semaphore.ts'
import { sessionConformance } from '../conformance/session.ts'
import { callFor, type LiveServer, openTarget, patient, until } from '../live-server.ts'
import { openClient as openDocumentClient } from './document-redis-harness.ts'
import { openClient, openStore } from './lock-redis-harness.ts'
import { openClient as openOnceClient, openStore as openOnceStore } from './once-redis-harness.ts'
import { openAgents } from './registry-harness.ts'
import * as semaphores from './semaphore-redis-harness.ts'
import { serverHarness } from './session-harness.ts'

/** What every kind promises, it promises on a cluster: the same tests, on three masters. */
let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
}, 60_000)
afterAll(() => cluster.stop())

const scripts = [
  ...cacheKind.scripts,
  ...rateLimitKind.scripts,
  ...lockScripts,
  ...readWriteLockKind.scripts,
  ...semaphoreKind.scripts,
  ...documentKind.scripts,
  ...registryKind.scripts,
  ...markScripts,
  ...sessionKind.scripts,
]

/** Clients that share nothing but the cluster, which is emptied before. */
async function clusterHarness() {
  await Promise.all(cluster.nodes.map(node => node.ask('FLUSHALL')))
  const servers: LiveServer[] = []
  const opened: Opened<unknown>[] = []
  async function server(): Promise<LiveServer> {
    const addresses = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
    const live = patient(openTarget({ topology: 'cluster', addresses }, { scripts, attempt: 5_000, deadline: 15_000 }))
    servers.push(live)
    await until(() => live.connection.state === 'ready')
    return live
  }
  let instances = 0
  async function open<Client>(pattern: string, kind: (surroundings: Surroundings) => Opened<Client>): Promise<Client> {
    const one = kind({
      name: 'things',
      pattern: parsePattern(pattern),
      clock: realClock,
      instance: `host:1:client-${++instances}`,
      server: await server(),
      bare: createBareGuard(),
      notify: () => {},
    })
    opened.push(one)
    return one.client
  }
  return {
    server,
    open,
    advance: (ms: number) => sleep(ms),
    async close() {
      for (const { close } of opened) await close()
      for (const live of servers) await live.close()
    },
  }
}

const openCache =
  (options: Options) =>
  (surroundings: Surroundings): Opened<Cache> =>
    cacheKind.open(cache('value:<id>', options) as CacheDeclaration, surroundings) as unknown as Opened<Cache>

async function cacheHarness(): Promise<CacheHarness> {
  const harness = await clusterHarness()
  return {
    ...harness,
    client: (options: Partial<Options> = {}) => harness.open('value:<id>', openCache({ ...declared, ...options })),
    async plant(id, stored) {
      const owner = await cluster.ownerOf(`value:${id}`)
      await owner.ask('SET', `value:${id}`, stored)
    },
  }
}

async function lockHarness(): Promise<LockHarness> {
  const { server, advance, close } = await clusterHarness()
  return {
    store: openStore((await server()).redis, undefined, false),
    client: async options => openClient(await server(), options),
    call: callFor,
    advance,
    close,
  }
}

async function semaphoreHarness(): Promise<SemaphoreHarness> {
  const { server, advance, close } = await clusterHarness()
  return {
    store: semaphores.openStore((await server()).redis),
    client: async options => semaphores.openClient(await server(), options),
    call: callFor,
    advance,
    close,
  }
}

async function documentHarness(): Promise<DocumentHarness> {
  const { server, advance, close } = await clusterHarness()
  const clients: { close(): Promise<void> }[] = []
  return {
    async client(options) {
      const client = openDocumentClient(await server(), options)
      clients.push(client)
      return client
    },
    advance,
    async close() {
      for (const client of clients) await client.close()
      await close()
    },
  }
}

async function registryHarness(): Promise<RegistryHarness> {
  const { server, close } = await clusterHarness()
  const clients: AgentClient[] = []
  return {
    async client(options) {
      const live = await server()
      const client = openAgents((declaration, around) => registryKind.open(declaration, around), options, live)
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) await client.close()
      await close()
    },
  }
}

async function onceHarness(): Promise<OnceHarness> {
  const { server, advance, close } = await clusterHarness()
  return {
    store: openOnceStore((await server()).redis),
    client: async options => openOnceClient(await server(), options),
    call: callFor,
    advance,
    close,
  }
}

const openLimits = (options: LimitOptions, source: string, surroundings: Surroundings) =>
  openRates(rateLimit<string, string>(source, options), { ...surroundings, pattern: parsePattern(source) })

async function limitHarness(): Promise<RateLimitHarness> {
  const harness = await clusterHarness()
  return {
    ...harness,
    client: options => harness.open('limit:<id>', surroundings => openLimits(options, 'limit:<id>', surroundings)),
    pair: (one, other) =>
      harness.open('limit:{x}:<id>', surroundings => {
        const opened = [
          openLimits(one, 'limit:{x}:<id>', surroundings),
          openLimits(other, 'other:{x}:<id>', surroundings),
        ] as const
        return {
          client: [opened[0].client, opened[1].client],
          async close() {
            for (const each of opened) await each.close()
          },
        }
      }),
  }
}

cacheConformance('a cluster', cacheHarness)

test('on a cluster as well a tag outlives the values that carry it, however long ago it began', async () => {
  const harness = await cacheHarness()
  onTestFinished(harness.close)
  const values = await harness.client({ ttl: '1m', tags: () => ['t'], loaderTags: true })
  const lifetime = async (key: string) => Number(await (await cluster.ownerOf(key)).ask('PTTL', key))
  const tags = ['{value:<id>}:~tag:t', '{value:<id>}:~tag:named']
  for (const id of ['a', 'b', 'c', 'd']) {
    if (id < 'c') {
      await values({ id }).getOrLoad(load => {
        load.setTtl('30d')
        load.addTags('named')
        return id
      })
    } else await values({ id }).set(id, { ttl: '30d' })
    const kept = await lifetime(`value:${id}`)
    for (const tag of id < 'c' ? tags : tags.slice(0, 1)) {
      expect(await lifetime(tag)).toBeGreaterThan(kept)
      await (await cluster.ownerOf(tag)).ask('PEXPIRE', tag, '5000')
    }
  }
})
readWriteConformance('a cluster', async () => {
  const harness = await clusterHarness()
  return {
    ...harness,
    client: options =>
      harness.open('lock:<id>', surroundings =>
        readWriteLockKind.open(readWriteLock<string>('lock:<id>', { ttl: `${leaseMs}ms`, ...options }), surroundings),
      ),
  }
})

lockConformance('a cluster', lockHarness)
officeConformance('a cluster', lockHarness)
semaphoreConformance('a cluster', semaphoreHarness)
documentConformance('a cluster', documentHarness)
registryConformance('a cluster', registryHarness)
onceConformance('a cluster', onceHarness)
// One with a script of its own, and one of those that share theirs.
rateLimitConformance('a cluster', limitHarness, ['fixed-window', 'sliding-log'])

test('what is committed lies in the slot of its mark, or is refused before anything is done', async () => {
  const { server, close } = await clusterHarness()
  const { payments } = openOnceClient(await server())
  const away = payments({ id: 'a' }).run(({ commit }) => commit([['incr', 'balance:b']], { id: 1 }))
  await expect(away).rejects.toMatchObject({ code: 'CROSS_SLOT', message: expect.stringContaining('common hash tag') })
  expect(await payments({ id: 'a' }).inspect()).toEqual({ state: 'none' })
  const commands = [
    ['incr', '{pay:a}:balance'],
    ['publish', 'news', 'paid'],
  ] as const
  await payments({ id: 'a' }).run(({ commit }) => commit(commands, { id: 1 }))
  await payments({ id: 'a' }).run(({ commit }) => commit(commands, { id: 2 }))
  const owner = await cluster.ownerOf('pay:a')
  expect(await owner.ask('GET', '{pay:a}:balance')).toBe('1')
  await close()
})
sessionConformance('a cluster', async () => {
  const { server, close } = await clusterHarness()
  const sessions = await serverHarness(server)
  return {
    ...sessions,
    async close() {
      await sessions.close()
      await close()
    },
  }
})

permitConformance('a cluster', async () => {
  const harness = await clusterHarness()
  return {
    ...harness,
    client: options =>
      harness.open('slots:<id>', surroundings =>
        openPermits(rateLimit<string>('slots:<id>', { ...options, algorithm: 'concurrency' }), surroundings),
      ),
  }
})

test('limits that are consumed together and lie in several slots are refused with the remedy, and take nothing', async () => {
  const harness = await clusterHarness()
  const limits = await harness.open('limit:<id>', surroundings =>
    openLimits({ limit: 5, window: '1h' }, 'limit:<id>', surroundings),
  )
  const apart = limits({ id: 'a' }).with(limits({ id: 'b' }), limits({ id: 'c' }))
  await expect(apart.consume()).rejects.toMatchObject({
    code: 'CROSS_SLOT',
    outcome: 'not-executed',
    message: expect.stringContaining('give their patterns the same tag'),
  })
  const [alone, together] = await Promise.allSettled([limits({ id: 'a' }).consume(), apart.consume()])
  expect(alone).toMatchObject({ status: 'fulfilled', value: { remaining: 4 } })
  expect(together).toMatchObject({ status: 'rejected' })
  await harness.close()
})

test('calls of one tick share a trip for each server, and clear reaches every node', async () => {
  const harness = await clusterHarness()
  const values = await harness.open('value:<id>', openCache(declared))
  const ids = Array.from({ length: 200 }, (_, index) => ({ id: `n${index}` }))
  await Promise.all(ids.map(id => values(id).set(id)))
  expect(await Promise.all(ids.map(id => values(id).get()))).toEqual(ids)
  expect(await values.getMany(ids)).toEqual(ids)
  expect(await values.clear()).toBe('done')
  for (const node of cluster.nodes) expect(await node.ask('KEYS', 'value:*')).toEqual([])
  await harness.close()
})

test('a registry lies on one node, whatever its members are called, and each is mirrored where its own key is', async () => {
  const harness = await registryHarness()
  const { agents } = await harness.client({ mirror: true })
  const ids = Array.from({ length: 30 }, (_, n) => `a${n}`)
  await Promise.all(ids.map(id => agents({ id }).join({ capabilities: ['run'], metadata: {} })))
  const holding = await Promise.all(
    cluster.nodes.map(node => node.ask('KEYS', '{agents:<id>}:~*') as Promise<string[]>),
  )
  expect(holding.filter(keys => keys.length > 0)).toHaveLength(1)
  for (const id of ids) {
    const owner = await cluster.ownerOf(`agents:${id}`)
    expect(JSON.parse(String(await owner.ask('GET', `agents:${id}`)))).toMatchObject({ id, capabilities: ['run'] })
  }
  await harness.close()
  for (const node of cluster.nodes) expect(await node.ask('KEYS', 'agents:*')).toEqual([])
})
