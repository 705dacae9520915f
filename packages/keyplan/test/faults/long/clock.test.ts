import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { cache, definePlan, json, lock, once, type Plan, rateLimit, semaphore, session } from '../../../src/index.ts'
import { expectGrowing } from '../../conformance/lock.ts'
import { until } from '../../live-server.ts'
import { startSkewed } from './skewed-server.ts'

const hour = 3_600_000
const window = { limit: 10, window: '1m' } as const

const plan = definePlan('clock', {
  locks: lock('lock:<id>', { ttl: '3s' }),
  permits: semaphore('permits:<id>', { permits: 2, ttl: '3s' }),
  sink: cache('sink:<id>', { ttl: '1d', value: json<string>() }),
  fixed: rateLimit('fixed:<id>', { ...window, algorithm: 'fixed-window' }),
  sliding: rateLimit('sliding:<id>', { ...window, algorithm: 'sliding-window' }),
  log: rateLimit('log:<id>', { ...window, algorithm: 'sliding-log' }),
  bucket: rateLimit('bucket:<id>', { ...window, algorithm: 'token-bucket' }),
  gcra: rateLimit('gcra:<id>', { ...window, algorithm: 'gcra' }),
  sessions: session('session:<id>', { ttl: '30m', value: json<{ count: number }>() }),
  payments: once('payment:<id>', { ttl: '1d', onCrash: 'refuse', value: json<string>() }),
})

async function open() {
  const skewed = await startSkewed()
  const client = async () => {
    const redis = await connect(plan satisfies Plan, { url: skewed.server.url, start: 'required', log: false })
    onTestFinished(() => redis.$close())
    return redis
  }
  const everyKeyEnds = async () => {
    const keys = (await skewed.server.ask('KEYS', '*')) as string[]
    const endless: string[] = []
    for (const key of keys) if ((await skewed.server.ask('PTTL', key)) === -1) endless.push(key)
    expect(endless).toEqual([])
  }
  return { ...skewed, client, everyKeyEnds }
}

test('a lock: fences grow over jumps of the clock, what is lost is told, and late writes are refused', {
  timeout: 120_000,
}, async () => {
  const { set, client, everyKeyEnds, server } = await open()
  const [one, two] = await Promise.all([client(), client()])
  const fences: bigint[] = []
  for (const skew of [0, -hour, 0, hour, -24 * hour, 10 * hour, -10 * hour, 0]) {
    const stale = (await one.locks({ id: 'jumped' }).acquire({ wait: '20s' }))!
    fences.push(stale.fence)
    expect(await one.sink({ id: 'jumped' }).set('of the first', { fence: stale.fence })).not.toBe('outdated')
    const before = Number(((await server.ask('TIME')) as string[])[0])
    await set(skew)
    const after = Number(((await server.ask('TIME')) as string[])[0])
    if (after <= before) {
      // It lives on, and is renewed and released as ever.
      expect(await stale.extend()).toBe(true)
      expect(await two.locks({ id: 'jumped' }).tryAcquire()).toBeUndefined()
      expect(await stale.release()).toBe(true)
      continue
    }
    // Whatever has a time to live ends at once, and with it the lock.
    const next = (await two.locks({ id: 'jumped' }).acquire({ wait: '20s' }))!
    fences.push(next.fence)
    expect(await two.sink({ id: 'jumped' }).set('of the next', { fence: next.fence })).not.toBe('outdated')
    expect(await one.sink({ id: 'jumped' }).set('too late', { fence: stale.fence })).toBe('outdated')
    await until(() => stale.signal.aborted)
    expect(stale.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
    expect(await next.release()).toBe(true)
    await everyKeyEnds()
  }
  expectGrowing(fences)
  const ran = await Promise.all(
    [one, two, one, two].map(({ locks }) => locks({ id: 'jumped' }).run(({ fence }) => fence, { wait: '20s' })),
  )
  expect(ran.every(fence => fence > fences.at(-1)!)).toBe(true)
})

test('permits: never more than there are after a clock set back; after one set forward the old ones are told', {
  timeout: 120_000,
}, async () => {
  const { set, client, everyKeyEnds } = await open()
  const { permits } = await client()
  const held = await Promise.all([1, 2].map(() => permits({ id: 'a' }).tryAcquire()))
  await set(-hour)
  expect(await permits({ id: 'a' }).tryAcquire()).toBeUndefined()
  await everyKeyEnds()
  await set(hour)
  const next = await permits({ id: 'a' }).acquire({ wait: '20s' })
  expect(next!.fence).toBeGreaterThan(held[1]!.fence)
  await until(() => held.every(one => one!.signal.aborted))
  await everyKeyEnds()
})

// Windows that find themselves far ahead of the clock begin anew, since they would stand still for as long.
test.each([
  ['fixed', 3],
  ['sliding', 3],
  ['log', 1],
  ['bucket', 1],
  ['gcra', 1],
] as const)(
  '%s: a clock set back twice by more than a window allows at most the limit × %i, and leaves no key without an end',
  async (name, times) => {
    const { set, client, everyKeyEnds } = await open()
    const limit = (await client())[name]
    let allowed = 0
    for (const skew of [0, -20_000, -hour, -24 * hour]) {
      await set(skew)
      for (let call = 0; call < 10; call++) if ((await limit({ id: 'a' }).consume()).allowed) allowed++
      await everyKeyEnds()
    }
    // What comes back in the seconds that the test takes.
    expect(allowed).toBeGreaterThanOrEqual(10)
    expect(allowed).toBeLessThanOrEqual(times * window.limit + 2)
    // A clock set forward is time that has passed: at most one limit more.
    await set(hour)
    const again = await Promise.all(Array.from({ length: 30 }, () => limit({ id: 'a' }).consume()))
    expect(again.filter(answer => answer.allowed)).toHaveLength(10)
    await everyKeyEnds()
  },
  60_000,
)

test('sessions and operations: over jumps none is without an end, none comes back, and none runs twice', {
  timeout: 60_000,
}, async () => {
  const { set, client, everyKeyEnds } = await open()
  const { sessions, payments } = await client()
  const { id } = await sessions.create({ count: 0 })
  let runs = 0
  const pay = () =>
    payments({ id: 'a' }).run(async () => {
      runs++
      return 'paid'
    })
  for (const skew of [0, -20_000, -hour, -24 * hour]) {
    await set(skew)
    expect((await sessions({ id }).update(({ count }) => ({ count: count + 1 })))?.data.count).toBeGreaterThan(0)
    await pay()
    await everyKeyEnds()
  }
  expect(runs).toBe(1)
  expect((await sessions({ id }).read())?.data.count).toBe(4)
  await set(hour)
  expect(await sessions({ id }).read()).toBeUndefined()
  await set(0)
  expect(await sessions({ id }).read()).toBeUndefined()
  await pay()
  expect(runs).toBe(1)
  await everyKeyEnds()
})
