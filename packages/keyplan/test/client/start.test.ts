import { connectResp, type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { cache, definePlan, json, lock } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('shop', {
  profile: cache('profile:<id>', { ttl: '1m', value: json<{ name: string }>() }),
  checkout: lock('checkout:<id>', { ttl: '5s' }),
})

let server: RedisProcess
let proxy: FaultProxy
let lines: string[]
const log = (level: string, line: string) => lines.push(`${level} ${line}`)
const backoff = { min: '20ms', max: '50ms' } as const

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  lines = []
  proxy = await startProxy({ to: server.port })
})
afterEach(() => proxy.close())

const url = () => `redis://127.0.0.1:${proxy.port}`

test('it connects, says so, and uses the namespaces of the plan', async () => {
  await using client = await connect(plan, { url: url(), start: 'required', log })
  expect(client.$status).toEqual({
    state: 'connected',
    server: `127.0.0.1:${proxy.port}`,
    version: expect.stringMatching(/^\d+\.\d+/),
    nodes: [{ server: `127.0.0.1:${proxy.port}`, state: 'connected', version: expect.any(String), error: undefined }],
    disabled: [],
    breaker: 'closed',
    error: undefined,
  })
  await client.profile({ id: 1 }).set({ name: 'Ada' })
  expect(await client.profile({ id: 1 }).get()).toEqual({ name: 'Ada' })
  expect(await client.$command('TYPE', ['profile:1'])).toBe('string')
  expect(lines).toEqual([expect.stringMatching(/^info connected to Redis at 127.0.0.1:\d+ \(version/)])
})

test('against nothing, an optional start resolves, degraded, and heals by itself', async () => {
  await proxy.refuse()
  await using client = await connect(plan, { url: url(), backoff, log })
  expect(client.$status).toMatchObject({ state: 'reconnecting', error: { code: 'DISCONNECTED' } })
  expect(await client.profile({ id: 2 }).getOrLoad(() => ({ name: 'loaded' }))).toEqual({ name: 'loaded' })
  const held = client.$command('ECHO', ['held'])
  await proxy.pass()
  expect(await held).toBe('held')
  expect(client.$status.state).toBe('connected')
  // However many attempts and calls it took.
  expect(lines.map(line => line.replace(/127.*/, ''))).toEqual([
    'warn cannot connect: Redis at ',
    'warn profile answers without Redis: Redis at ',
    'warn connected to Redis at ',
  ])
})

test('against nothing, a required start ends with the reason by its timeout, and leaves nothing behind', async () => {
  await proxy.refuse()
  const failed = connect(plan, { url: url(), start: 'required', connectTimeout: '150ms', backoff, log })
  await expect(failed).rejects.toMatchObject({
    code: 'DISCONNECTED',
    message: `Redis at 127.0.0.1:${proxy.port}: ECONNREFUSED`,
    exitCode: 69,
  })
  await proxy.pass()
  expect(proxy.totals.connections).toBe(0)
})

test('against a server that accepts and says nothing, both starts end by the timeout', async () => {
  await proxy.blackhole()
  const failed = connect(plan, { url: url(), start: 'required', connectTimeout: '150ms', log })
  await expect(failed).rejects.toMatchObject({ code: 'TIMEOUT' })
  await using client = await connect(plan, { url: url(), connectTimeout: '150ms', log })
  expect(client.$status.state).not.toBe('connected')
  await until(() => lines.some(line => /did not complete the handshake/.test(line)))
})

test('a required start waits for a server that starts in the meantime', async () => {
  await proxy.refuse()
  const starting = connect(plan, { url: url(), start: 'required', backoff, log })
  await until(() => lines.length === 1)
  await proxy.pass()
  await using client = await starting
  expect(client.$status.state).toBe('connected')
})

test('a refused password ends even an optional start', async () => {
  const failed = connect(plan, { url: url(), password: 'canary', log })
  await expect(failed).rejects.toMatchObject({ code: 'AUTH_FAILED' })
  expect(lines.join()).not.toMatch(/canary/)
})

test('a prefix stands before every key', async () => {
  await using client = await connect(plan, { url: url(), prefix: 'test:', log })
  await client.profile({ id: 3 }).set({ name: 'Ada' })
  const direct = await connectResp({ port: server.port })
  expect(await direct.ask('EXISTS', 'test:profile:3', 'profile:3')).toBe(1)
  direct.close()
})

test('bad options are refused before anything is opened', async () => {
  const failed = connect(plan, { url: url(), attempt: 'soon' as never })
  await expect(failed).rejects.toMatchObject({ code: 'CONFIG_INVALID', exitCode: 78 })
  await expect(connect({} as never, { url: url() })).rejects.toMatchObject({ code: 'PLAN_INVALID' })
  expect(proxy.totals.connections).toBe(0)
})

test('the story of an outage is told to who listens, once for each chapter', async () => {
  await using client = await connect(plan, { url: url(), backoff, log })
  const told: string[] = []
  client.$on('reconnecting', ({ server, error }) => told.push(`reconnecting ${server.length > 0} ${error.code}`))
  client.$on('connected', ({ version }) => told.push(`connected ${version !== undefined}`))
  client.$on('breaker', ({ state }) => told.push(`breaker ${state}`))
  client.$on('degraded', ({ namespace, operation }) => told.push(`degraded ${namespace} ${operation}`))
  const off = client.$on('connected', () => told.push('never'))
  off()
  await proxy.refuse()
  await until(() => client.$status.state === 'reconnecting')
  for (let call = 0; call < 20; call++) await client.profile({ id: 4 }).getOrLoad(() => ({ name: 'loaded' }))
  expect(client.$status.breaker).toBe('open')
  await proxy.pass()
  // Nobody calls: the breaker closes all the same.
  await until(() => client.$status.state === 'connected')
  expect(told).toEqual([
    'reconnecting true DISCONNECTED',
    'degraded profile read',
    'breaker open',
    'breaker half-open',
    'connected true',
    'breaker closed',
  ])
})

test('what would change the link that all calls share is refused', async () => {
  await using client = await connect(plan, { url: url(), log })
  const refused: [string, string[]][] = [
    ['subscribe', ['x']],
    ['MULTI', []],
    ['select', ['1']],
    ['BLPOP', ['x', '0']],
    ['client', ['reply', 'off']],
    ['XREAD', ['BLOCK', '0', 'STREAMS', 'x', '$']],
  ]
  for (const [name, args] of refused) {
    await expect(client.$command(name, args)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
  }
  await client.$command('HSET', ['h', 'field', 'value'])
  expect(await client.$command('hgetall', ['h'])).toEqual(['field', 'value'])
  expect(await client.$command('client', ['getname'])).toMatch(/^keyplan:shop:commands:[^:]+:\d+$/)
})
