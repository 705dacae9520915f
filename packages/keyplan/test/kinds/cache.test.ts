import { describe, expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { json } from '../../src/base/codec/json.ts'
import { createCaller } from '../../src/kinds/cache/audience.ts'
import { cache } from '../../src/kinds/cache/contract.ts'
import { createJournal, pageLimit } from '../../src/kinds/cache/journal.ts'
import { createLoads } from '../../src/kinds/cache/loads.ts'
import { createMemoryCacheStore } from '../../src/kinds/cache/memory.ts'
import { createTraces } from '../../src/kinds/cache/traces.ts'
import { createTrust } from '../../src/kinds/cache/trust.ts'
import { deferred } from '../conformance/deferred.ts'

const call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

describe('cache', () => {
  test('fills in its defaults and describes itself', () => {
    const declaration = cache('profile:<userId>', { ttl: '10m', value: json(), doc: 'Profiles.' })
    expect(declaration).toMatchObject({
      kind: 'cache',
      durability: 'evictable',
      whenDown: 'load',
      common: { doc: 'Profiles.' },
      options: { ttlMs: 600_000, jitter: 0, loadWindowMs: 30_000, tags: undefined },
      problems: [],
    })
    expect(declaration.facts).toEqual({
      ttl: '10m',
      jitter: 0,
      staleWhileRevalidate: null,
      staleIfError: null,
      earlyRefresh: null,
      negativeTtl: null,
      loadTimeout: { soft: null, hard: null },
      acrossProcesses: false,
      near: false,
      maxBytes: null,
      maxLoadsWhenDown: 64,
      value: 'json',
      form: 'plain',
      tags: false,
      loaderTags: false,
      loadWindow: '30s',
      replica: false,
    })
    const tagged = cache('profile:<userId>', { ttl: '10m', value: json(), tags: ({ userId }) => [`user:${userId}`] })
    expect(tagged.facts).toMatchObject({ form: 'headed', tags: true })
    const fresh = { staleIfError: '1h', loadTimeout: { soft: '1s' }, acrossProcesses: true } as const
    expect(cache('profile:<userId>', { ttl: '10m', value: json(), ...fresh }).facts).toMatchObject({
      form: 'headed',
      staleIfError: '1h',
      loadTimeout: { soft: '1s', hard: null },
      acrossProcesses: { wait: '5s' },
    })
  })

  test.each<[string, Record<string, unknown>]>([
    ["ttl is 'soon'", { ttl: 'soon' }],
    ['ttl is', { ttl: undefined }],
    ['the value is a string', { value: 'json' }],
    ["whenDown is 'panic'", { whenDown: 'panic' }],
    ['tags is an array', { tags: ['a'] }],
    ['loadWindow is', { loadWindow: '-1s' }],
    ['jitter is 2', { jitter: 2 }],
    ['jitter is', { jitter: '10%' }],
    ["maxBytes is '1 mega'", { maxBytes: '1 mega' }],
    ["staleIfError is 'long'", { staleIfError: 'long' }],
    ['earlyRefresh is 80', { earlyRefresh: 80 }],
    ["earlyRefresh is 'often'", { earlyRefresh: 'often' }],
    ['loadTimeout.soft answers with an old value', { loadTimeout: { soft: '1s' } }],
    ['loadTimeout.soft is not below loadTimeout.hard', { staleIfError: '1h', loadTimeout: { soft: '5s', hard: '1s' } }],
    ['did you mean loadTimeout.hard?', { loadTimeout: { hart: '1s' } }],
    ['acrossProcesses.wait is', { acrossProcesses: { wait: 'ever' } }],
    ['acrossProcesses is a number', { acrossProcesses: 3 }],
    ['maxLoadsWhenDown is 0', { maxLoadsWhenDown: 0 }],
    ['near.max is 0', { near: { max: 0 } }],
    ["near.maxBytes is 'all'", { near: { maxBytes: 'all' } }],
    ["near.values is 'shared'", { near: { values: 'shared' } }],
    ['did you mean near.ttl?', { near: { tll: '1s' } }],
    ["replica is 'allow'; leave one of them out", { near: true, replica: 'allow' }],
  ])('reports that %s, without throwing', (problem, wrong) => {
    const options = { ttl: '1m', value: json(), ...wrong } as Parameters<typeof cache>[1]
    expect(cache('a:<id>', options).problems).toEqual([expect.stringContaining(problem)])
  })
})

describe('the journal', () => {
  const keys = (...names: string[]) => ({ keys: new Set(names) })

  test('concerns what is owed, also while it is being paid', () => {
    const journal = createJournal(handClock())
    journal.owe({ keys: new Set(['a']), tags: new Set(['t']) })
    const { due, settle } = journal.take()
    expect([...due.keys, ...due.tags]).toEqual(['a', 't'])
    journal.owe(keys('b'))
    const concerned = () => [['a'], ['b'], ['c'], ['c', 't']].map(([key, ...tags]) => journal.concerns(key!, tags))
    expect(concerned()).toEqual([true, true, false, true])
    settle(keys('a'))
    expect(concerned()).toEqual([true, true, false, false])
    journal.take().settle({})
    expect(journal.owing).toBe(false)
    expect(concerned()).toEqual([false, false, false, false])
  })

  test('a page that overflows concerns everything', () => {
    const journal = createJournal(handClock())
    for (let index = 0; index <= pageLimit; index++) journal.owe(keys(`k${index}`))
    expect(journal.concerns('any', [])).toBe(true)
    expect(journal.take().due).toMatchObject({ all: true, keys: new Set(), tags: new Set() })
  })

  test('doubts what was done in the last seconds before an outage, however long that lasts', async () => {
    const clock = handClock()
    const journal = createJournal(clock)
    journal.done(keys('long ago'))
    await clock.advance(20_000)
    journal.done(keys('just before a page turns'))
    await clock.advance(4_000)
    journal.done(keys('last'))
    await clock.advance(3_600_000)
    journal.doubtRecent()
    expect([...journal.take().due.keys]).toEqual(['just before a page turns', 'last'])
  })
})

describe('trust', () => {
  const outage = (lasted: number, restarted = false) => ({ concerns: () => true, lasted, restarted })

  test('is lost by an outage for a while, save for what this process stored since', async () => {
    const clock = handClock()
    const trust = createTrust(clock, 2_000)
    expect(trust.has('a')).toBe(true)
    trust.outageEnded(outage(60_000))
    expect(trust.has('a')).toBe(false)
    trust.gain('a')
    expect([trust.has('a'), trust.has('b')]).toEqual([true, false])
    trust.outageEnded(outage(100))
    expect(trust.has('a')).toBe(false)
    // The short outage is over sooner than the long one.
    await clock.advance(450)
    expect([trust.has('a'), trust.has('b')]).toEqual([true, false])
    await clock.advance(2_049)
    expect(trust.has('b')).toBe(false)
    await clock.advance(1)
    expect([trust.has('a'), trust.has('b')]).toEqual([true, true])
  })

  test('is lost for the keys of the server that was away', async () => {
    const trust = createTrust(handClock(), 2_000)
    trust.outageEnded({ ...outage(60_000), concerns: key => key.startsWith('a') })
    expect([trust.has('a'), trust.has('b')]).toEqual([false, true])
  })

  test('comes back sooner after a short outage, and not after a restart', async () => {
    const clock = handClock()
    const trust = createTrust(clock, 2_000)
    trust.outageEnded(outage(10))
    expect(trust.has('a')).toBe(false)
    await clock.advance(270)
    expect(trust.has('a')).toBe(true)
    trust.outageEnded(outage(10, true))
    await clock.advance(2_499)
    expect(trust.has('a')).toBe(false)
  })
})

test('traces that were forgotten are not taken for none', () => {
  const traces = createTraces(2)
  traces.add(['a'])
  expect([traces.untouched('a', 0), traces.untouched('a', 1), traces.untouched('b', 0)]).toEqual([false, true, true])
  traces.add(['b', 'c'])
  expect([traces.untouched('x', 0), traces.untouched('x', 1), traces.untouched('b', 1)]).toEqual([false, true, false])
  traces.forget()
  expect([traces.untouched('x', 2), traces.untouched('x', traces.count)]).toEqual([false, true])
})

describe('loads under way', () => {
  const question = { key: 'a', tags: ['t'] }
  const basis = { seen: '1', tags: ['1'] }
  const noLimit = { hardMs: Number.POSITIVE_INFINITY, clock: realClock }
  const caller = createCaller(undefined, Number.POSITIVE_INFINITY)

  test('are shared by those who saw the same, or were told that the key is untouched', async () => {
    const asked: string[] = []
    const loads = createLoads<number>(async (_key, seen) => {
      asked.push(seen)
      return true
    }, noLimit)
    const gate = deferred<number>()
    let begun = 0
    const load = () => {
      begun++
      return gate.promise
    }
    const seen = ['1', '2', '2', '3'].map(seen => loads.share(question, { ...basis, seen }, caller, load))
    await gate.asked()
    const others = [loads.share(question, { ...basis, tags: ['2'] }, caller, async () => 2)]
    expect(await Promise.all(others)).toEqual([2])
    gate.resolve(1)
    expect(await Promise.all(seen)).toEqual([1, 1, 1, 1])
    expect([begun, asked]).toEqual([1, ['1', '1']])
  })

  test('are wanted until they are dropped, also when the next one saw the same', async () => {
    const loads = createLoads<boolean>(async () => false, noLimit)
    const drops = [() => loads.drop('a'), () => loads.dropTag('t'), () => loads.dropAll()]
    for (const drop of drops) {
      const first = deferred<void>()
      const second = deferred<void>()
      const one = loads.share(question, basis, caller, async wanted => {
        await first.promise
        return wanted()
      })
      drop()
      const other = loads.share(question, basis, caller, async wanted => {
        await second.promise
        return wanted()
      })
      first.resolve()
      expect(await one).toBe(false)
      loads.dropTag('another')
      second.resolve()
      expect(await other).toBe(true)
    }
  })
})

test('the memory store keeps its bounds, in number and in bytes', async () => {
  const store = createMemoryCacheStore(handClock(), { entries: 100, bytes: 2_000 })
  const held = async (keys: string[]) => {
    const { values } = await store.read(call, keys, [])
    return values.filter(value => value !== null)
  }
  const small = Array.from({ length: 500 }, (_, index) => `k${index}`)
  for (const key of small) await store.write(call, key, 'v', 60_000, [])
  expect(await held(small)).toHaveLength(100)
  const large = small.slice(0, 50)
  for (const key of large) await store.write(call, key, 'v'.repeat(197), 60_000, [])
  expect(await held([...small])).toHaveLength(10)
  await store.write(call, 'huge', 'v'.repeat(3_000), 60_000, [])
  expect(await held(['huge'])).toEqual([])
})
