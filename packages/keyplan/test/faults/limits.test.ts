import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, rateLimit } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { expectLimitsHold } from './limit-fire.ts'

const hour = { limit: 3, window: '1h' } as const

const plan = definePlan('limits', {
  allow: rateLimit('allow:<id>', { ...hour, whenDown: 'allow' }),
  deny: rateLimit('deny:<id>', { ...hour, whenDown: 'deny' }),
  memory: rateLimit('memory:<id>', { ...hour, whenDown: 'memory', instances: 1 }),
  near: rateLimit('near:<id>', { ...hour, whenDown: 'deny', near: '1h' }),
})
const names = ['allow', 'deny', 'memory', 'near'] as const

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

const open = () =>
  connect(plan, {
    url: `redis://127.0.0.1:${proxy.port}`,
    start: 'required',
    log: false,
    backoff: { min: '20ms', max: '100ms' },
  })

type Redis = Awaited<ReturnType<typeof open>>

async function consumed(redis: Redis, name: (typeof names)[number], id: string, times: number) {
  const answers = []
  for (let count = 0; count < times; count++) answers.push(await redis[name]({ id }).consume())
  return {
    allowed: answers.map(({ allowed }) => allowed),
    degraded: answers.every(({ degraded }) => degraded === true),
    sound: answers.every(({ degraded }) => degraded === undefined),
  }
}

const [yes, no] = [true, false]

test.each(['blackhole', 'refuse', 'reset', 'swallowReplies'] as const)(
  'with the server out of reach by %s the declared answer comes, marked, and none of it when that is over',
  async fault => {
    await using redis = await open()
    const id = fault
    await proxy[fault]()
    expect(await consumed(redis, 'allow', id, 5)).toMatchObject({ allowed: [yes, yes, yes, yes, yes], degraded: true })
    expect(await consumed(redis, 'deny', id, 2)).toMatchObject({ allowed: [no, no], degraded: true })
    expect(await consumed(redis, 'near', id, 2)).toMatchObject({ allowed: [no, no], degraded: true })
    expect(await consumed(redis, 'memory', id, 4)).toMatchObject({ allowed: [yes, yes, yes, no], degraded: true })
    await proxy.pass()
    await until(async () => (await redis.deny({ id: 'probe' }).peek()).degraded === undefined)
    // Nobody who was denied by the outage is denied because of it now.
    const free = { allowed: [yes, yes], sound: true }
    expect(await consumed(redis, 'near', `${id}:new`, 2)).toMatchObject(free)
    expect(await consumed(redis, 'deny', `${id}:new`, 2)).toMatchObject(free)
    expect(await redis.near({ id }).consume()).toMatchObject({ allowed: true })
    // What was allowed by this process counts.
    await until(async () => (await redis.memory({ id }).peek()).remaining === 0)
  },
)

test('a limit that is used up stays used up through every trouble, whatever its answer to an outage', async () => {
  await using redis = await open()
  for (const name of names) expect((await consumed(redis, name, 'x', 4)).allowed).toEqual([yes, yes, yes, no])
  await proxy.delay({ up: 20, down: 20 })
  for (const name of names) expect(await consumed(redis, name, 'x', 1)).toMatchObject({ allowed: [no], sound: true })
  await proxy.reset()
  await proxy.pass()
  await until(async () => (await redis.deny({ id: 'probe' }).peek()).degraded === undefined)
  for (const name of names) expect(await consumed(redis, name, 'x', 1)).toMatchObject({ allowed: [no], sound: true })
})

test('eight processes with clocks apart, nonsense for costs, aborts and kills allow no more than the limit', async () => {
  const own = await startRedis()
  try {
    await expectLimitsHold(own, 12, 3)
  } finally {
    await own.cleanUp()
  }
  // A dozen processes have to start, on a machine that may be busy.
}, 120_000)
