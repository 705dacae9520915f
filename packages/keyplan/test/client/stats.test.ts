import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { cache, definePlan, lock, rateLimit, text } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('shop', {
  page: cache('page:<id>', { ttl: '1m', value: text() }),
  checkout: lock('checkout:<id>', { ttl: '5s' }),
  logins: rateLimit('logins:<id>', { limit: 2, window: '1m' }),
})

let server: RedisProcess
let proxy: FaultProxy

beforeAll(async () => {
  server = await startRedis()
  proxy = await startProxy({ to: server.port })
})
afterAll(() => Promise.all([proxy.close(), server.cleanUp()]))
beforeEach(async () => {
  await proxy.pass()
  await server.ask('FLUSHALL')
})

async function open(options: ConnectOptions = {}) {
  const backoff = { min: '10ms', max: '50ms' } as const
  const client = await connect(plan, { url: `redis://127.0.0.1:${proxy.port}`, backoff, log: () => {}, ...options })
  onTestFinished(() => client.$close())
  return client
}
const fresh = { operations: 0, errors: {}, retries: 0, fallbacks: 0, latency: { mean: 0, p99: 0 } }

test.each<[string, ConnectOptions]>([
  ['Redis', {}],
  ['memory', { url: undefined, memory: true }],
])('each namespace is counted, and all of them together (%s)', async (_, options) => {
  const client = await open(options)
  expect(client.$stats()).toEqual({ ...fresh, namespaces: {} })
  const page = client.page({ id: 1 })
  await page.set('text')
  // Gathered into one round trip, and still three calls.
  const gathered = [page.get(), client.page({ id: 2 }).get(), client.page({ id: 3 }).has()]
  expect(await Promise.all(gathered)).toEqual(['text', undefined, false])
  await client.page.getMany([{ id: 1 }, { id: 2 }])
  await client.logins({ id: 1 }).consume()
  await client.checkout({ id: 1 }).run(() => 'done')
  const { namespaces, ...all } = client.$stats()
  expect(Object.keys(namespaces).sort()).toEqual(['checkout', 'logins', 'page'])
  expect(namespaces.page).toMatchObject({ operations: 6, errors: {}, retries: 0, fallbacks: 0 })
  expect(namespaces.logins?.operations).toBe(1)
  expect(namespaces.checkout?.operations).toBe(2)
  expect(all.operations).toBe(9)
  expect(all.latency.mean).toBeGreaterThan(0)
  expect(all.latency.p99).toBeGreaterThan(0)
})

test('what was given is a picture: it neither changes later nor lets itself be changed', async () => {
  const client = await open()
  await client.page({ id: 1 }).set('text')
  const before = client.$stats()
  Object.assign(before.errors, { TIMEOUT: 5 })
  await client.page({ id: 1 }).get()
  expect(before.operations).toBe(1)
  expect(client.$stats()).toMatchObject({ operations: 2, errors: {} })
  expect(JSON.parse(JSON.stringify(client.$stats()))).toEqual(client.$stats())
})

test('errors are counted by code, also those that `whenDown` answers', async () => {
  const client = await open()
  await server.ask('RPUSH', 'checkout:1', 'no lock')
  await expect(client.checkout({ id: 1 }).tryAcquire()).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  await client.$batch([['nonsense'], ['ping']])
  await expect(client.$command('incr', ['checkout:1'])).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  await proxy.refuse()
  await until(() => client.$status.state === 'reconnecting')
  expect(await client.page({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  await client.$command('ping', [], { deadline: '50ms' }).catch(() => {})
  const { namespaces, ...all } = client.$stats()
  expect(namespaces.checkout).toMatchObject({ errors: { WRONG_TYPE: 1 }, fallbacks: 0 })
  expect(namespaces.page?.fallbacks).toBeGreaterThan(0)
  expect(namespaces.page?.errors).toEqual({ DISCONNECTED: namespaces.page?.fallbacks })
  expect(namespaces.$command).toMatchObject({ operations: 2, errors: { WRONG_TYPE: 1, TIMEOUT: 1 } })
  expect(namespaces.$batch).toMatchObject({ operations: 2, errors: { UNSUPPORTED: 1 } })
  expect(all.errors).toEqual({ WRONG_TYPE: 2, UNSUPPORTED: 1, TIMEOUT: 1, DISCONNECTED: namespaces.page?.fallbacks })
})

test('retries are counted', async () => {
  const client = await open()
  await server.ask('CONFIG', 'SET', 'maxmemory', '1')
  const refused = client.$command('set', ['k', 'v'], { deadline: '300ms' })
  await expect(refused).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' })
  await server.ask('CONFIG', 'SET', 'maxmemory', '0')
  const { $command } = client.$stats().namespaces
  expect($command).toMatchObject({ operations: 1, errors: { OUT_OF_MEMORY: 1 } })
  expect($command?.retries).toBeGreaterThan(1)
})

test('what nobody was asked for is not counted, and what was refused unsent is', async () => {
  const client = await open()
  await client.$batch([])
  await expect(client.$command('set', ['k', null as never])).rejects.toMatchObject({ code: 'PARAM_INVALID' })
  expect(client.$stats()).toMatchObject({ ...fresh })
  const aborted = client.$command('ping', [], { signal: AbortSignal.abort() })
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  expect(client.$stats().namespaces.$command).toMatchObject({ operations: 1, errors: { ABORTED: 1 } })
})
