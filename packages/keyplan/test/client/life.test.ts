import { createHook } from 'node:async_hooks'
import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { cache, definePlan, json, lock } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('shop', {
  profile: cache('profile:<id>', { ttl: '1m', value: json<{ name: string }>() }),
  checkout: lock('checkout:<id>', { ttl: '5s', retry: { attempts: 2, delay: '10ms' } }),
})
const quiet = { log: () => {}, backoff: { min: '5ms', max: '10ms' } } as const

let server: RedisProcess
let proxy: FaultProxy

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  proxy = await startProxy({ to: server.port })
})
afterEach(() => proxy.close())

const url = () => `redis://127.0.0.1:${proxy.port}`

/** Sockets and timers that were made since and are still there, also those that do not keep the process alive. */
function census() {
  const living = new Map<number, string>()
  const hook = createHook({
    init: (id, type) => void (/^(TCPWRAP|Timeout)$/.test(type) && living.set(id, type)),
    destroy: id => void living.delete(id),
  }).enable()
  return {
    count: (kind: 'TCPWRAP' | 'Timeout') => [...living.values()].filter(type => type === kind).length,
    [Symbol.dispose]: () => void hook.disable(),
  }
}

test('closing is done once, also by `await using`, and ends everything', async () => {
  const client = await connect(plan, { url: url(), ...quiet })
  {
    await using same = client
    await same.profile({ id: 1 }).set({ name: 'Ada' })
  }
  expect(client.$close()).toBe(client.$close())
  await client.$close()
  expect(client.$status.state).toBe('closed')
  const closed = { code: 'CLOSED', outcome: 'not-executed' }
  await expect(client.profile({ id: 1 }).get()).rejects.toMatchObject(closed)
  await expect(client.profile({ id: 1 }).getOrLoad(() => ({ name: 'x' }))).rejects.toMatchObject(closed)
  await expect(client.checkout({ id: 1 }).tryAcquire()).rejects.toMatchObject(closed)
  await expect(client.$command('PING')).rejects.toMatchObject(closed)
  await until(() => proxy.connections === 0)
})

test('closing while Redis is down, or a connection is being made, ends what waits', async () => {
  await proxy.refuse()
  const down = await connect(plan, { url: url(), ...quiet })
  const held = expect(down.$command('PING')).rejects.toMatchObject({ code: 'CLOSED' })
  await down.$close()
  await held
  await proxy.blackhole()
  const hanging = await connect(plan, { url: url(), connectTimeout: '30ms', ...quiet })
  await until(() => proxy.connections > 0)
  await hanging.$close()
  await proxy.pass()
  await until(() => proxy.connections === 0)
})

test('200 clients that come and go, half of them in trouble, leave nothing behind', async () => {
  const cycle = async (index: number) => {
    const client = await connect(plan, { url: url(), ...quiet })
    const off = client.$on('connected', () => {})
    await client.profile({ id: index }).getOrLoad(() => ({ name: 'Ada' }))
    if (index % 4 === 0) await client.checkout({ id: index }).run(() => 'done')
    if (index % 2 === 0) void client.$command('PING', [], { signal: new AbortController().signal }).catch(() => {})
    off()
    await client.$close()
  }
  using made = census()
  for (let index = 0; index < 200; index++) await cycle(index)
  await until(() => proxy.connections === 0 && made.count('TCPWRAP') === 0)
  // Those of the test's own waiting.
  await until(() => made.count('Timeout') <= 2)
})

test('a link that is lost 200 times leaves no socket, timer or promise behind', async () => {
  await using client = await connect(plan, { url: url(), ...quiet })
  const signal = new AbortController().signal
  // A subscriber is there as well.
  const held = await client.checkout({ id: 'flap' }).acquire()
  const waiting = client.checkout({ id: 'flap' }).acquire({ wait: '1h' })
  let losses = 0
  client.$on('reconnecting', () => losses++)
  const flap = async () => {
    const before = losses
    const call = client.$command('PING', [], { signal }).catch(() => {})
    await proxy.reset()
    await until(() => losses > before)
    await proxy.pass()
    await client.$command('PING')
    await call
  }
  await flap()
  using made = census()
  for (let index = 0; index < 200; index++) await flap()
  expect(losses).toBe(201)
  // Two links, each with both of its ends and the proxy's here, and a few timers for each.
  await until(() => made.count('TCPWRAP') <= 8 && made.count('Timeout') <= 12)
  await held?.release()
  await (await waiting)?.release()
})
