import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startCluster, startProxy, startSentinel } from '@keyplan/local'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { text } from '../../src/base/codec/text.ts'
import { tagged } from '../conformance/cache.ts'
import { raceLoadsAndInvalidations } from '../conformance/cache-interleavings.ts'
import { until } from '../live-server.ts'
import { cacheServer, openClient, type RedisCacheClient } from './cache-redis-harness.ts'

const own = cacheServer({ near: true })
const { ask, opened } = own

/** Reads until the value comes from this process. */
async function nearby({ cache, figures }: RedisCacheClient, id: string): Promise<unknown> {
  return until(async () => {
    const before = figures().nearHits
    const value = await cache({ id }).get()
    return figures().nearHits > before ? { value } : undefined
  }).then(found => (found as { value: unknown }).value)
}

describe('copies in the process', () => {
  test('a value that was read is read again without asking Redis, one by one and in batches', async () => {
    const client = await opened()
    const { cache, figures } = client
    await cache({ id: 'a' }).set({ n: 1 })
    expect(await nearby(client, 'a')).toEqual({ n: 1 })
    await ask('CONFIG', 'RESETSTAT')
    const { nearHits, hits } = figures()
    expect(await cache({ id: 'a' }).getOrLoad(() => 'no')).toEqual({ n: 1 })
    expect(await cache({ id: 'a' }).has()).toBe(true)
    expect(await cache.getMany([{ id: 'a' }, { id: 'a' }])).toEqual([{ n: 1 }, { n: 1 }])
    expect(await cache.getOrLoadMany([{ id: 'a' }], () => ['no'])).toEqual([{ n: 1 }])
    expect(String(await ask('INFO', 'commandstats'))).not.toMatch(/cmdstat_m?get:/)
    expect(figures()).toMatchObject({ nearHits: nearHits + 5, hits })
    expect(await cache.getMany([{ id: 'b' }, { id: 'a' }])).toEqual([undefined, { n: 1 }])
  })

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['a write by another service', () => ask('SET', 'value:a', '"new"')],
    ['a delete by another service', () => ask('DEL', 'value:a')],
    ['the end of its time to live', () => ask('PEXPIRE', 'value:a', '1')],
    ['FLUSHALL', () => ask('FLUSHALL')],
  ])('%s ends a copy', async (_name, change) => {
    const client = await opened()
    await client.cache({ id: 'a' }).set('old')
    expect(await nearby(client, 'a')).toBe('old')
    await change('a')
    await until(async () => (await client.cache({ id: 'a' }).get()) !== 'old')
  })

  test('what another process changes is seen: a write, a delete, a tag, all', async () => {
    const near = await opened(tagged)
    const other = await opened(tagged)
    const changes = [
      () => other.cache({ id: 'a' }).set('new'),
      () => other.cache({ id: 'a' }).delete(),
      () => other.cache.invalidateTag('first:a'),
      () => other.cache.clear(),
    ]
    for (const change of changes) {
      await near.cache({ id: 'a' }).set('old')
      await near.cache({ id: 'b' }).set('stays')
      expect(await nearby(near, 'a')).toBe('old')
      await change()
      await until(async () => (await near.cache({ id: 'a' }).get()) !== 'old')
    }
  })

  test('a change by this process is seen at once', async () => {
    const client = await opened(tagged)
    const { cache } = client
    const changes: [() => Promise<unknown>, unknown][] = [
      [() => cache({ id: 'a' }).set('new'), 'new'],
      [() => cache.setMany([{ params: { id: 'a' }, value: 'new' }]), 'new'],
      [() => cache({ id: 'a' }).delete(), undefined],
      [() => cache.deleteMany([{ id: 'a' }]), undefined],
      [() => cache.invalidateTag('first:a'), undefined],
      [() => cache.clear(), undefined],
    ]
    for (const [change, expected] of changes) {
      await cache({ id: 'a' }).set('old')
      expect(await nearby(client, 'a')).toBe('old')
      await change()
      expect(await cache({ id: 'a' }).get()).toBe(expected)
    }
  })

  test('no read of the process that makes the changes is older than they are, however loads interleave', async () => {
    const { cache } = await opened(tagged)
    await raceLoadsAndInvalidations(
      async () => [cache, cache],
      id => `first:${id[0]}`,
      60,
    )
    const plain = await opened()
    await raceLoadsAndInvalidations(
      async () => [plain.cache, plain.cache],
      () => undefined,
      60,
    )
  })

  test('whatever several processes do at once, in the end all of them read the truth', {
    timeout: 60_000,
  }, async () => {
    const all = await Promise.all([opened(), opened(), opened()])
    const action = fc.record({
      who: fc.integer({ min: 0, max: 2 }),
      id: fc.constantFrom('a', 'b', 'c'),
      do: fc.constantFrom('get', 'set', 'delete', 'load', 'foreign'),
    })
    let version = 0
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async actions => {
        await Promise.all(
          actions.map(async ({ who, id, do: what }) => {
            const entry = all[who]!.cache({ id })
            const value = ++version
            if (what === 'foreign') return ask('SET', `value:${id}`, String(value))
            if (what === 'set') return entry.set(value)
            if (what === 'delete') return entry.delete()
            return what === 'get' ? entry.get() : entry.getOrLoad(() => value)
          }),
        )
        for (const id of ['a', 'b', 'c']) {
          const stored = (await ask('GET', `value:${id}`)) as string | null
          const truth = stored === null ? undefined : Number(stored)
          for (const { cache } of all) await until(async () => (await cache({ id }).get()) === truth)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('copies are bounded by their number, their bytes and their time', async () => {
    const few = await opened({ near: { max: 2 } })
    const small = await opened({ near: { maxBytes: '900b' } })
    const brief = await opened({ near: { ttl: '30ms' } })
    for (const id of ['a', 'b', 'c']) await few.cache({ id }).set('x'.repeat(60))
    for (const client of [few, small]) {
      for (const id of ['a', 'b', 'c']) await nearby(client, id)
      const before = client.figures().hits
      await client.cache.getMany(['a', 'b', 'c'].map(id => ({ id })))
      expect(client.figures().hits).toBeGreaterThan(before)
      expect(client.figures().nearCopies).toBe(2)
    }
    await nearby(brief, 'a')
    await sleep(40)
    const before = brief.figures().hits
    await brief.cache({ id: 'a' }).get()
    expect(brief.figures().hits).toBe(before + 1)
  })

  test('one frozen value is shared; with copies, and of what cannot be frozen, each has its own', async () => {
    const frozen = await opened()
    await frozen.cache({ id: 'a' }).set({ list: [1] })
    const shared = (await nearby(frozen, 'a')) as { list: number[] }
    expect(() => shared.list.push(2)).toThrow(TypeError)
    expect(await nearby(frozen, 'a')).toBe(shared)
    const loaded = (await frozen.cache({ id: 'b' }).getOrLoad(() => ({ list: [1] }))) as { list: number[] }
    expect(() => loaded.list.push(2)).toThrow(TypeError)

    const copies = await opened({ near: { values: 'copies' } })
    const mine = (await nearby(copies, 'a')) as { list: number[] }
    mine.list.push(2)
    expect(await nearby(copies, 'a')).toEqual({ list: [1] })

    const dates = { ...text(), name: 'date', decode: (stored: unknown) => ({ at: new Date(String(stored)) }) }
    const dated = await opened({ value: { ...dates, encode: (value: unknown) => String(value) } })
    await dated.cache({ id: 'c' }).set('2026-01-01T00:00:00.000Z')
    const first = (await nearby(dated, 'c')) as { at: Date }
    first.at.setFullYear(1999)
    expect(((await nearby(dated, 'c')) as { at: Date }).at.getUTCFullYear()).toBe(2026)
  })

  test('chance says once for a read that a copy is due', async () => {
    const chance = vi.spyOn(Math, 'random')
    onTestFinished(() => chance.mockRestore())
    const client = await opened({ earlyRefresh: 'xfetch' })
    const load = (value: string) => () => new Promise<string>(resolve => setTimeout(resolve, 5, value))
    await client.cache({ id: 'a' }).getOrLoad(load('old'))
    for (const [value, ask] of [
      ['new', () => client.cache({ id: 'a' }).getOrLoad(load('new'))],
      ['newer', () => client.cache.getOrLoadMany([{ id: 'a' }], async () => [await load('newer')()])],
    ] as const) {
      await nearby(client, 'a')
      // The end of its time comes at once, and then not at all.
      chance.mockReturnValueOnce(1).mockReturnValue(0)
      await ask()
      await until(async () => (await client.cache({ id: 'a' }).get()) === value)
    }
    expect(client.figures().loads).toBe(3)
  })

  test('that there is none is kept as well, and an age is respected', async () => {
    const client = await opened({ negativeTtl: '1h', ttl: '200ms', staleWhileRevalidate: '1h' })
    const { cache, figures } = client
    await cache({ id: 'a' }).getOrLoad(() => undefined)
    expect(await nearby(client, 'a')).toBeUndefined()
    await cache({ id: 'b' }).set('old')
    await until(async () => (await cache({ id: 'b' }).get()) === undefined)
    expect(await cache({ id: 'b' }).getOrLoad(() => 'new')).toBe('old')
    expect(figures().stale).toBe(1)
  })
})

describe('when changes cannot be heard', () => {
  test('a user who may not track keeps copies for a moment, and is told once', async () => {
    await ask('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking')
    const lines: string[] = []
    const client = await opened(
      {},
      { url: `redis://narrow:pw@127.0.0.1:${own.server.port}`, log: (_level, line) => void lines.push(line) },
    )
    await client.cache({ id: 'a' }).set('old')
    expect(await nearby(client, 'a')).toBe('old')
    await ask('SET', 'value:a', '"new"')
    await until(async () => (await client.cache({ id: 'a' }).get()) === 'new')
    const told = lines.filter(line => line.includes('keeps copies for 1000 ms at most'))
    expect(told).toEqual([expect.stringContaining('+client|tracking')])
    expect(client.notices).toEqual([expect.objectContaining({ type: 'near-untracked', namespace: 'values' })])
  })

  test('nothing is believed while the link is lost, nor what was kept before it', async () => {
    const proxy = await startProxy({ to: own.server.port })
    onTestFinished(() => proxy.close())
    const client = await opened({}, { url: `redis://127.0.0.1:${proxy.port}` })
    await client.cache({ id: 'a' }).set('old')
    expect(await nearby(client, 'a')).toBe('old')
    await proxy.refuse()
    await until(() => client.state() !== 'connected')
    await ask('SET', 'value:a', '"new"')
    expect(await client.cache({ id: 'a' }).getOrLoad(() => 'loaded')).toBe('loaded')
    const before = client.figures().nearHits
    expect(await client.cache({ id: 'a' }).get()).toBeUndefined()
    expect(client.figures().nearHits).toBe(before)
    await proxy.pass()
    await until(async () => (await client.cache({ id: 'a' }).get()) === 'new')
    expect(await nearby(client, 'a')).toBe('new')
  })
})

describe('elsewhere', () => {
  const foreign = (node: RedisProcess, id: string, value: string) => node.ask('SET', `value:${id}`, value)

  test('with a pool of links', async () => {
    const client = await opened({}, { pool: 3 })
    await client.cache({ id: 'a' }).set('old')
    expect(await nearby(client, 'a')).toBe('old')
    await ask('SET', 'value:a', '"new"')
    await until(async () => (await client.cache({ id: 'a' }).get()) === 'new')
  })

  test('on a cluster', { timeout: 60_000 }, async () => {
    const cluster = await startCluster({ replicas: 0 })
    onTestFinished(cluster.stop)
    const client = await openClient(
      0,
      { near: true },
      { url: undefined, cluster: { addresses: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`) } },
    )
    onTestFinished(client.close)
    for (const id of ['a', 'b', 'c', 'd']) {
      await client.cache({ id }).set('old')
      expect(await nearby(client, id)).toBe('old')
      await foreign(await cluster.ownerOf(`value:${id}`), id, '"new"')
      await until(async () => (await client.cache({ id }).get()) === 'new')
    }
  })

  test('under Sentinel, after a failover as well', { timeout: 60_000 }, async () => {
    const topology = await startSentinel()
    onTestFinished(topology.stop)
    const client = await openClient(0, { near: true }, { url: topology.url })
    onTestFinished(client.close)
    await client.cache({ id: 'a' }).set('old')
    expect(await nearby(client, 'a')).toBe('old')
    const master = await topology.failover()
    await foreign(master, 'a', '"new"')
    await until(async () => (await client.cache({ id: 'a' }).get()) === 'new')
    expect(await nearby(client, 'a')).toBe('new')
  })
})
