import {
  connectResp,
  type FaultProxy,
  type RedisProcess,
  type RespConnection,
  startProxy,
  startRedis,
} from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ConnectOptions } from '../../src/config/options.ts'
import type { LoadContext } from '../../src/kinds/cache/contract.ts'
import { type Cache, type Options, tagged } from '../conformance/cache.ts'
import { deferred } from '../conformance/deferred.ts'
import { until } from '../live-server.ts'
import { openClient, type RedisCacheClient } from './cache-redis-harness.ts'

let server: RedisProcess
let ask: RespConnection['ask']
let plain: RespConnection
/** A client's way to the server, with a proxy of its own. */
interface Process extends RedisCacheClient {
  readonly proxy: FaultProxy
}
const processes: Process[] = []

beforeAll(async () => {
  server = await startRedis({ appendonly: true, args: { appendfsync: 'always' } })
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  await askAnew()
  await ask('FLUSHALL')
})
afterEach(async () => {
  for (const { proxy, close } of processes.splice(0)) {
    await close()
    await proxy.close()
  }
  await ask('REPLICAOF', 'NO', 'ONE')
  await ask('CLIENT', 'UNPAUSE')
  plain.close()
})

async function askAnew(): Promise<void> {
  plain = await connectResp({ port: server.port })
  ask = plain.ask
}

async function start(options: Partial<Options> = {}, terms: ConnectOptions = {}): Promise<Process> {
  const proxy = await startProxy({ to: server.port })
  const client = await openClient(proxy.port, options, { attempt: '150ms', stall: '300ms', ...terms })
  const process = { ...client, proxy }
  processes.push(process)
  return process
}

/** Kills the server with -9; what it had acknowledged is in its append-only file. */
async function kill(): Promise<void> {
  plain.close()
  await server.kill()
}
async function restart(): Promise<void> {
  await server.restart()
  await askAnew()
}

const cutOff = async (one: Process) => {
  await one.proxy.refuse()
  await until(() => one.state() === 'reconnecting')
}
const connected = (one: Process) => until(() => ['connected', 'degraded'].includes(one.state()))
const never = () => {
  throw new Error('the loader was called')
}

type Invalidation = (cache: Cache) => Promise<unknown>
const invalidations: Record<string, Invalidation> = {
  delete: cache => cache({ id: 'a' }).delete(),
  invalidateTag: cache => cache.invalidateTag('first:a'),
  set: cache => cache({ id: 'a' }).set('new'),
  clear: cache => cache.clear(),
}

describe('while Redis cannot be asked', () => {
  test('whenDown load: reads miss, loaders answer, nothing is kept', async () => {
    const { cache } = await start(tagged)
    await cache({ id: 'a' }).set('old')
    await kill()
    for (const round of [1, 2]) expect(await cache({ id: 'a' }).getOrLoad(() => round)).toBe(round)
    expect(await cache({ id: 'a' }).get()).toBeUndefined()
    expect(await cache.getMany([{ id: 'a' }, { id: 'b' }])).toEqual([undefined, undefined])
    for (const invalidate of Object.values(invalidations)) expect(await invalidate(cache)).toBe('owed')
    await restart()
  })

  test('whenDown fail: every call is rejected and says whether it was done', async () => {
    const near = await start({ ...tagged, whenDown: 'fail' })
    const { cache } = near
    await cutOff(near)
    const terms = { deadline: '60ms' } as const
    const calls = [
      cache({ id: 'a' }).get(terms),
      cache({ id: 'a' }).getOrLoad(never, terms),
      cache({ id: 'a' }).set(1, terms),
      cache({ id: 'a' }).delete(terms),
      cache.invalidateTag('t', terms),
      cache.clear(terms),
    ]
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { outcome: 'not-executed', namespace: 'values' } })
    }
    await near.proxy.pass()
    await connected(near)
    await cache({ id: 'a' }).set('old')
    await near.proxy.swallowReplies()
    await expect(cache({ id: 'a' }).delete(terms)).rejects.toMatchObject({ outcome: 'unknown' })
  })

  test('whenDown fail: a value that was loaded is not withheld because it cannot be stored', async () => {
    const near = await start({ whenDown: 'fail' }, { deadline: '1h' })
    const load = deferred<number>()
    const caller = near.cache({ id: 'a' }).getOrLoad(() => load.promise)
    await load.asked()
    await cutOff(near)
    load.resolve(1)
    expect(await caller).toBe(1)
  })

  test('whenDown memory: this process serves what it loaded and set itself, with tags', async () => {
    const near = await start({ ...tagged, whenDown: 'memory' })
    const { cache } = near
    await cache({ id: 'a' }).set('old')
    await cutOff(near)
    expect(await cache({ id: 'a' }).getOrLoad(() => 'loaded')).toBe('loaded')
    expect(await cache({ id: 'a' }).getOrLoad(never)).toBe('loaded')
    await cache({ id: 'b' }).set('set')
    expect(await cache.getMany([{ id: 'a' }, { id: 'b' }, { id: 'c' }])).toEqual(['loaded', 'set', undefined])
    await cache({ id: 'a' }).delete()
    expect(await cache({ id: 'a' }).get()).toBeUndefined()
    await cache.invalidateTag('first:b')
    expect(await cache({ id: 'b' }).get()).toBeUndefined()
    await cache({ id: 'c' }).set(1)
    expect(await cache.clear()).toBe('owed')
    expect(await cache({ id: 'c' }).has()).toBe(false)
  })

  test('whenDown memory: tags that loaders name are judged where the value is, here or in Redis', async () => {
    const other = await start({ loaderTags: true })
    const named = (value: string) => (load: LoadContext<unknown>) => {
      load.addTags('team')
      return value
    }
    await other.cache({ id: 'a' }).getOrLoad(named('A'))
    // Of one that knows the tag's version already, and one that does not.
    for (const knows of [true, false]) {
      const near = await start({ loaderTags: true, whenDown: 'memory' }, { attempt: '1s', stall: '1h' })
      await until(async () => `${await ask('INFO', 'clients')}`.includes(`tracking_clients:${processes.length}`))
      if (knows) await until(async () => (await near.cache({ id: 'a' }).get()) === 'A')
      await server.pause()
      expect(await near.cache({ id: 'b' }).getOrLoad(named('B'))).toBe('B')
      expect(await near.cache({ id: 'b' }).getOrLoad(never)).toBe('B')
      await server.resume()
      await until(async () => (await near.cache({ id: 'a' }).get()) === 'A')
    }
  })

  test('whenDown memory: what was kept in one outage is not served in the next', async () => {
    const server = await startRedis()
    await server.kill()
    const near = await openClient(server.port, { whenDown: 'memory' }, { attempt: '100ms' })
    try {
      // The first outage ends the first time this process finds Redis at all.
      expect(await near.cache({ id: 'a' }).getOrLoad(() => 'older')).toBe('older')
      expect(await near.cache({ id: 'a' }).get()).toBe('older')
      await server.restart()
      await until(() => near.state() === 'connected' || near.state() === 'degraded')
      await near.cache({ id: 'a' }).set('newer')
      await server.kill()
      await until(() => near.state() === 'reconnecting')
      expect(await near.cache({ id: 'a' }).get()).toBeUndefined()
      expect(await near.cache({ id: 'a' }).getOrLoad(() => 'newest')).toBe('newest')
    } finally {
      await near.close()
      await server.cleanUp()
    }
  })
})

describe('an invalidation made in an outage', () => {
  for (const [name, invalidate] of Object.entries(invalidations)) {
    for (const whenDown of ['load', 'memory'] as const) {
      test(`${name}, whenDown ${whenDown}: no process serves the old value afterwards`, async () => {
        const near = await start({ ...tagged, whenDown })
        const far = await start({ ...tagged, whenDown })
        await near.cache({ id: 'a' }).set('old')
        expect(await far.cache({ id: 'a' }).get()).toBe('old')
        await cutOff(near)
        await cutOff(far)
        await invalidate(near.cache)
        // The other process is back first: the server still holds the old value.
        await far.proxy.pass()
        await connected(far)
        expect(await ask('GET', 'value:a')).toContain('"old"')
        expect(await far.cache({ id: 'a' }).get()).not.toBe('old')
        // A load is answered also where its result cannot be stored in time: every write waits for the disk.
        await until(async () => {
          expect(await far.cache({ id: 'a' }).getOrLoad(() => 'loaded')).toBe('loaded')
          return (await far.cache({ id: 'a' }).get()) === 'loaded'
        })
        await near.proxy.pass()
        await connected(near)
        for (const { cache } of [near, far]) expect(await cache({ id: 'a' }).get()).not.toBe('old')
        expect(await near.cache({ id: 'a' }).getOrLoad(() => 'latest')).not.toBe('old')
      })
    }

    test(`${name}, over kill -9 and restart: no read finds the old value`, async () => {
      const near = await start(tagged)
      const far = await start(tagged)
      await near.cache({ id: 'a' }).set('old')
      await kill()
      await invalidate(near.cache)
      await restart()
      expect(await ask('GET', 'value:a')).not.toBeInstanceOf(Error)
      await Promise.all([connected(near), connected(far)])
      for (let round = 0; round < 20; round++) {
        const reads = [near, far, near, far].map(({ cache }) => cache({ id: 'a' }).get())
        for (const value of await Promise.all(reads)) expect(value).not.toBe('old')
      }
    })
  }

  test('is settled before a load that was under way since before the outage', async () => {
    const near = await start()
    const far = await start()
    const load = deferred<string>()
    const caller = far.cache({ id: 'a' }).getOrLoad(() => load.promise)
    await load.asked()
    await cutOff(near)
    await cutOff(far)
    await near.cache({ id: 'a' }).delete()
    await far.proxy.pass()
    await connected(far)
    load.resolve('old')
    expect(await caller).toBe('old')
    expect(await far.cache({ id: 'a' }).get()).toBeUndefined()
    expect(await ask('EXISTS', 'value:a')).toBe(0)
  })

  test('a load that began in the outage never overwrites what is newer', async () => {
    for (const whenDown of ['load', 'memory'] as const) {
      const near = await start({ whenDown })
      const far = await start()
      await cutOff(near)
      const load = deferred<string>()
      const caller = near.cache({ id: 'b' }).getOrLoad(() => load.promise)
      await load.asked()
      await near.proxy.pass()
      await connected(near)
      await far.cache({ id: 'b' }).set('newer')
      load.resolve('older')
      expect(await caller).toBe('older')
      await until(async () => (await near.cache({ id: 'b' }).get()) === 'newer')
      expect(await ask('GET', 'value:b')).toBe('"newer"')
      await far.cache({ id: 'b' }).delete()
    }
  })

  test('more of them than are remembered one by one clear the namespace', async () => {
    const near = await start({}, { attempt: '50ms' })
    await near.cache({ id: 'bystander' }).set('old')
    await ask('SET', 'another:namespace', 'stays')
    await cutOff(near)
    await Promise.all(Array.from({ length: 10_001 }, (_, index) => near.cache({ id: `n${index}` }).delete()))
    await near.proxy.pass()
    await connected(near)
    expect(await near.cache({ id: 'bystander' }).get()).toBeUndefined()
    await until(async () => (await ask('EXISTS', 'value:bystander')) === 0)
    expect(await ask('EXISTS', 'another:namespace')).toBe(1)
  })

  test('a clearing that the link cuts short is finished on the next one', async () => {
    const near = await start({}, { attempt: '1s', stall: '1s' })
    const ids = Array.from({ length: 3_000 }, (_, index) => `n${index}`)
    await ask('MSET', ...ids.flatMap(id => [`value:${id}`, '"old"']))
    // Enough for a page or two.
    await near.proxy.cut(20_000)
    expect(await near.cache.clear()).toBe('owed')
    const left = ((await ask('KEYS', 'value:*')) as string[]).length
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(ids.length)
    await near.proxy.pass()
    await connected(near)
    expect(new Set(await near.cache.getMany(ids.map(id => ({ id }))))).toEqual(new Set([undefined]))
    await until(async () => ((await ask('KEYS', 'value:*')) as string[]).length === 0)
  })
})

describe('an invalidation that fell back while there is a link', () => {
  test('is a miss at once, and paid in the background', async () => {
    const near = await start()
    await near.cache({ id: 'a' }).set('old')
    await near.cache({ id: 'b' }).set('kept')
    await ask('CLIENT', 'PAUSE', '60000', 'WRITE')
    await near.cache({ id: 'a' }).delete({ deadline: '40ms' })
    expect(await ask('GET', 'value:a')).toBe('"old"')
    expect(await near.cache({ id: 'a' }).get()).toBeUndefined()
    await ask('CLIENT', 'UNPAUSE')
    await until(async () => (await ask('EXISTS', 'value:a')) === 0)
    await until(async () => {
      await near.cache({ id: 'a' }).getOrLoad(() => 'new')
      return (await near.cache({ id: 'a' }).get()) === 'new'
    })
  })

  test('holds when its reply was swallowed', async () => {
    const near = await start(tagged)
    for (const [id, invalidate] of [
      ['a', () => near.cache({ id: 'a' }).delete({ deadline: '40ms' })],
      ['b', () => near.cache.invalidateTag('first:b', { deadline: '40ms' })],
    ] as const) {
      await near.cache({ id }).set('old')
      await near.proxy.swallowReplies()
      await invalidate()
      await near.proxy.pass()
      await until(() => near.state() !== 'reconnecting')
      expect(await near.cache({ id }).get()).toBeUndefined()
    }
  })

  test('does not keep a link from coming up while the server refuses it', async () => {
    const near = await start()
    const far = await start()
    await near.cache({ id: 'a' }).set('old')
    await near.cache({ id: 'b' }).set('kept')
    await cutOff(near)
    await near.cache({ id: 'a' }).delete()
    await ask('CONFIG', 'SET', 'repl-timeout', '1')
    await ask('REPLICAOF', '127.0.0.1', '1')
    await near.proxy.pass()
    await connected(near)
    await until(async () => (await near.cache({ id: 'b' }).get()) === 'kept')
    expect(await near.cache({ id: 'a' }).get()).toBeUndefined()
    expect(await ask('GET', 'value:a')).toBe('"old"')
    await ask('REPLICAOF', 'NO', 'ONE')
    await until(async () => (await ask('EXISTS', 'value:a')) === 0)
    expect(await far.cache({ id: 'a' }).get()).toBeUndefined()
  })

  test('is paid when the client closes', async () => {
    const near = await start()
    await near.cache({ id: 'a' }).set('old')
    await ask('REPLICAOF', '127.0.0.1', '1')
    await near.cache({ id: 'a' }).delete()
    expect(await ask('GET', 'value:a')).toBe('"old"')
    await ask('REPLICAOF', 'NO', 'ONE')
    await near.close()
    expect(await ask('EXISTS', 'value:a')).toBe(0)
  })
})

test('links that are killed under traffic lose no invalidation', async () => {
  const near = await start()
  const far = await start()
  let version = 0
  let killing = true
  const killer = (async () => {
    while (killing) {
      await ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await new Promise(resolve => setTimeout(resolve, 7))
    }
  })()
  for (let round = 0; round < 200; round++) {
    const oldest = ++version
    await near.cache({ id: 'a' }).delete()
    const reads = [near, far, near].map(({ cache }) => cache({ id: 'a' }).getOrLoad(() => version))
    const [own, , again] = await Promise.all(reads)
    expect(own).toBeGreaterThanOrEqual(oldest)
    expect(again).toBeGreaterThanOrEqual(oldest)
  }
  killing = false
  await killer
})

describe('what a killed server forgot although it had acknowledged it', () => {
  for (const [name, invalidate] of Object.entries(invalidations)) {
    test(`${name}: the old value that is back on disk is not served`, async () => {
      const forgetful = await startRedis()
      const way = await startProxy({ to: forgetful.port })
      const near = await openClient(way.port, tagged)
      const far = await openClient(way.port, tagged)
      try {
        // By one who is gone afterwards, and so does not doubt it.
        const writer = await openClient(forgetful.port, tagged)
        await writer.cache({ id: 'a' }).set('old')
        await writer.close()
        const load = deferred<string>()
        const caller = far.cache({ id: 'loading' }).getOrLoad(() => load.promise)
        await load.asked()
        let server = await connectResp({ port: forgetful.port })
        await server.ask('SAVE')
        await invalidate(near.cache)
        await near.cache({ id: 'loading' }).delete()
        await way.refuse()
        server.close()
        await forgetful.kill()
        await forgetful.restart()
        server = await connectResp({ port: forgetful.port })
        expect(await server.ask('GET', 'value:a')).toContain('"old"')
        await way.pass()
        await until(() => [near, far].every(({ state }) => state() === 'connected' || state() === 'degraded'))
        load.resolve('old')
        await caller
        for (const { cache } of [far, near, far]) {
          expect(await cache({ id: 'a' }).get()).not.toBe('old')
          expect(await cache({ id: 'loading' }).get()).not.toBe('old')
        }
        // One that knows of no outage finds nothing old either: it was invalidated anew.
        const fresh = await openClient(forgetful.port, tagged)
        expect(await fresh.cache({ id: 'a' }).get()).not.toBe('old')
        expect(await fresh.cache({ id: 'loading' }).get()).toBeUndefined()
        await fresh.close()
        server.close()
      } finally {
        await near.close()
        await far.close()
        await way.close()
        await forgetful.cleanUp()
      }
    })
  }
})
