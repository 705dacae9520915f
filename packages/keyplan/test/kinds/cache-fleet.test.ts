import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startProxy, startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import type { Options } from '../conformance/cache.ts'
import { deferred } from '../conformance/deferred.ts'
import { until } from '../live-server.ts'
import { cacheServer } from './cache-redis-harness.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('cache-loading-process.mjs', import.meta.url))

const own = cacheServer({ acrossProcesses: true })
const { ask, opened } = own

/** Clients as processes would have them. */
async function fleet(size: number, options: Partial<Options> = {}) {
  const clients = await Promise.all(Array.from({ length: size }, () => opened(options)))
  return clients.map(({ cache }) => cache)
}
const claim = '{value:a}:~claim'
const waiting = async () => ((await ask('PUBSUB', 'NUMSUB', '{value:a}:~loaded')) as unknown[])[1]

test('10,000 misses of one key in four processes call one loader', async () => {
  const processes = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, [program, own.server.url, '2500'], { stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    return { child, said: async () => JSON.parse((await lines.next()).value) }
  })
  await Promise.all(processes.map(({ said }) => said()))
  for (const { child } of processes) child.stdin.write('go\n')
  const results: { loads: number; answered: number }[] = await Promise.all(processes.map(({ said }) => said()))
  expect(results.map(({ answered }) => answered)).toEqual([2_500, 2_500, 2_500, 2_500])
  expect(results.reduce((sum, { loads }) => sum + loads, 0)).toBe(1)
})

test('the others wait for the one that loads, and a hit costs nothing more', async () => {
  const [one, two, three] = await fleet(3)
  const gate = deferred<unknown>()
  const first = one!({ id: 'a' }).getOrLoad(() => gate.promise)
  await gate.asked()
  const never = () => {
    throw new Error('the loader was called')
  }
  const others = [two!, three!].map(cache => cache({ id: 'a' }).getOrLoad(never))
  await until(async () => (await waiting()) === 2)
  gate.resolve({ n: 1 })
  expect(await Promise.all([first, ...others])).toEqual(Array(3).fill({ n: 1 }))
  await until(async () => (await ask('EXISTS', claim)) === 0)
  await until(async () => (await waiting()) === 0)
  await ask('CONFIG', 'RESETSTAT')
  expect(await two!({ id: 'a' }).getOrLoad(never)).toEqual({ n: 1 })
  expect(String(await ask('INFO', 'commandstats'))).not.toMatch(/cmdstat_(evalsha|set|publish):/)
})

test('keys that are asked for together are loaded by one call, however the claims are answered', async () => {
  const proxy = await startProxy({ to: own.server.port })
  onTestFinished(() => proxy.close())
  const { cache } = await opened({}, { url: `redis://127.0.0.1:${proxy.port}` })
  const [other] = await fleet(1)
  const gate = deferred<unknown>()
  const first = other!({ id: 7 }).getOrLoad(() => gate.promise)
  await gate.asked()
  await proxy.trickle({ bytes: 16, every: 1 })
  const ids = Array.from({ length: 12 }, (_, id) => ({ id }))
  const asked: unknown[] = []
  const loading = cache.getOrLoadMany(ids, missing => {
    asked.push(missing.map(({ id }) => id))
    return missing.map(({ id }) => id)
  })
  await until(() => asked.length > 0)
  gate.resolve(7)
  expect(await Promise.all([first, loading])).toEqual([7, ids.map(({ id }) => id)])
  expect(asked).toEqual([[0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]])
})

test('what a replica has not heard of yet is not loaded again', async () => {
  const behind = await startRedis()
  onTestFinished(() => behind.cleanUp())
  const proxy = await startProxy({ to: own.server.port })
  onTestFinished(() => proxy.close())
  await ask('CONFIG', 'SET', 'repl-diskless-sync-delay', '0')
  await behind.ask('REPLICAOF', '127.0.0.1', String(proxy.port))
  await until(async () => String(await behind.ask('INFO', 'replication')).includes('master_link_status:up'))
  await proxy.blackhole()
  const replicas = [`127.0.0.1:${behind.port}`]
  const [one, two] = await Promise.all([1, 2].map(() => opened({ replica: 'allow' }, { replicas })))
  const reads = async () => String(await behind.ask('INFO', 'commandstats')).includes('cmdstat_get:')
  await until(async () => {
    await two!.cache({ id: 'other' }).get()
    return reads()
  })
  const gate = deferred<unknown>()
  const first = one!.cache({ id: 'a' }).getOrLoad(() => gate.promise)
  await gate.asked()
  const never = () => {
    throw new Error('the loader was called')
  }
  const second = two!.cache({ id: 'a' }).getOrLoad(never)
  await until(async () => (await waiting()) === 1)
  gate.resolve('from the master')
  expect(await Promise.all([first, second])).toEqual(['from the master', 'from the master'])
  expect(await two!.cache({ id: 'a' }).get()).toBeUndefined()
  expect(await two!.cache({ id: 'a' }).getOrLoad(never)).toBe('from the master')
})

test('a load that fails is nobody’s but its callers’: the next in turn tries', async () => {
  const [one, two] = await fleet(2)
  const gate = deferred<unknown>()
  const first = one!({ id: 'a' }).getOrLoad(() => gate.promise)
  const failed = expect(first).rejects.toThrow('mine')
  await gate.asked()
  const second = two!({ id: 'a' }).getOrLoad(() => 'second')
  await until(async () => (await waiting()) === 1)
  gate.reject(new Error('mine'))
  await failed
  expect(await second).toBe('second')
})

test('who has waited for long enough, or whose loader has died with its claim, loads for itself', async () => {
  const [patient, hasty] = [...(await fleet(1)), ...(await fleet(1, { acrossProcesses: { wait: '50ms' } }))]
  await ask('SET', claim, 'another process', 'PX', '600')
  expect(await hasty!({ id: 'a' }).getOrLoad(() => 'hasty')).toBe('hasty')
  await hasty!({ id: 'a' }).delete()
  expect(await ask('EXISTS', claim)).toBe(1)
  expect(await patient!({ id: 'a' }).getOrLoad(() => 'patient')).toBe('patient')
  expect(await ask('EXISTS', claim)).toBe(0)
})

test('one who leaves keeps nobody from waiting', async () => {
  const [one, two] = await fleet(2)
  const gate = deferred<unknown>()
  const first = one!({ id: 'a' }).getOrLoad(() => gate.promise)
  await gate.asked()
  const abort = new AbortController()
  const leaves = two!({ id: 'a' }).getOrLoad(() => 'mine', { signal: abort.signal })
  const left = expect(leaves).rejects.toMatchObject({ code: 'ABORTED' })
  const stays = two!({ id: 'a' }).getOrLoad(() => 'mine')
  await until(async () => (await waiting()) === 1)
  abort.abort()
  await left
  gate.resolve('loaded')
  expect(await Promise.all([first, stays])).toEqual(['loaded', 'loaded'])
})

test('a value that is loaded anew is waited for by nobody, and loaded by one', async () => {
  const options = { ttl: '100ms', staleWhileRevalidate: '1h' } as const
  const caches = await fleet(3, options)
  await caches[0]!({ id: 'a' }).set('old')
  await sleep(120)
  let loads = 0
  const gate = deferred<unknown>()
  const load = () => {
    loads++
    return gate.promise
  }
  expect(await Promise.all(caches.map(cache => cache({ id: 'a' }).getOrLoad(load)))).toEqual(Array(3).fill('old'))
  await until(async () => (await waiting()) === 2)
  gate.resolve('new')
  await until(async () => (await waiting()) === 0)
  expect(loads).toBe(1)
})

test.each(['before they are asked for', 'while they wait for another'])(
  'without Redis each process loads for itself, and at most so many at once: it went %s',
  async when => {
    const [cache] = await fleet(1, { maxLoadsWhenDown: 3, acrossProcesses: true })
    if (when === 'before they are asked for') await own.server.kill()
    else for (let id = 0; id < 20; id++) await ask('SET', `{value:${id}}:~claim`, 'another process', 'PX', '60000')
    let running = 0
    let most = 0
    const load = async () => {
      most = Math.max(most, ++running)
      await sleep(5)
      running--
      return 'loaded'
    }
    const reads = Array.from({ length: 20 }, (_, id) => cache!({ id }).getOrLoad(load))
    if (own.server.running) {
      await until(async () => ((await ask('PUBSUB', 'CHANNELS')) as unknown[]).length === 20)
      expect(most).toBe(0)
      await own.server.kill()
    }
    expect(await Promise.all(reads)).toEqual(Array(20).fill('loaded'))
    expect(most).toBe(3)
  },
)
