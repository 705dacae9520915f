import { describe, expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createKept } from '../../src/kinds/session/kept.ts'
import { createMemorySessionStore } from '../../src/kinds/session/memory.ts'
import { localWake } from '../../src/mechanisms/wake.ts'
import { sessionConformance } from '../conformance/session.ts'
import { memoryHarness } from './session-harness.ts'

sessionConformance('memory', async () => memoryHarness())

describe('sessions in memory', () => {
  const call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }
  const names = { key: String, nameOf: String, user: String, wake: String }
  const draft = { rest: '"data":{}}', ttlMs: 1_000, until: Number.MAX_SAFE_INTEGER, notAfter: undefined }

  test('live for days while they are used, and end when they are not', async () => {
    const harness = memoryHarness()
    const sessions = await harness.client({ ttl: '1h', perUser: { by: ({ userId }) => userId } })
    const [used, unused] = [await sessions.create({ userId: 'ann' }), await sessions.create({ userId: 'ann' })]
    for (let half = 0; half < 96; half++) {
      await harness.advance(1_800_000)
      expect(await sessions({ sessionId: used.id }).read()).toBeDefined()
    }
    expect(await sessions({ sessionId: unused.id }).read()).toBeUndefined()
    expect((await sessions.user('ann').list()).map(({ name }) => name)).toEqual([used.name])
    await harness.close()
  })

  test('when all of them live no further one begins; one that has ended makes room', async () => {
    const clock = handClock()
    const store = createMemorySessionStore(names, localWake(), clock, undefined, 3)
    for (const key of ['a', 'b', 'c']) await store.create(call, key, draft)
    await expect(store.create(call, 'd', draft)).rejects.toMatchObject({ code: 'OVERLOADED', outcome: 'not-executed' })
    await clock.advance(600)
    await store.touch(call, ['a', 'b'], { ttlMs: 1_000, everyMs: 100 })
    await clock.advance(500)
    expect(await store.create(call, 'd', draft)).toMatchObject({ is: 'saved' })
    const there = await store.look(call, ['a', 'b', 'c', 'd'])
    expect(there.map(reading => reading instanceof Error || reading.raw !== null)).toEqual([true, true, false, true])
  })

  test('sessions that ended take no room from those that begin, and only the newest of them have a trace', async () => {
    const clock = handClock()
    const store = createMemorySessionStore(names, localWake(), clock, undefined, 3)
    const ending = { version: 1, trace: '{"ended":0}', keepMs: 3_600_000 }
    const keys = Array.from({ length: 8 }, (_, at) => `k${at}`)
    for (const key of keys) {
      expect(await store.create(call, key, draft)).toMatchObject({ is: 'saved' })
      expect(await store.end(call, key, ending)).toMatchObject({ is: 'ended' })
    }
    const there = await store.look(call, keys)
    const traced = there.map(reading => !(reading instanceof Error) && reading.raw === ending.trace)
    expect(traced).toEqual(keys.map((_, at) => at >= 5))
    expect(await store.create(call, 'k7', draft)).toMatchObject({ is: 'found', raw: ending.trace })
  })

  test('what has ended is let go of as others are looked at', async () => {
    const clock = handClock()
    const kept = createKept(clock.wall, 1_000)
    for (let at = 0; at < 500; at++) {
      kept.put(`s${at}`, 'session', clock.wall() + 1_000)
      kept.put(`e${at}`, 'session', clock.wall() + 1_000)
      kept.end(`e${at}`, 'trace', clock.wall() + 3_600_000)
      await clock.advance(1)
    }
    kept.put('used', 'session', clock.wall() + 10_000_000)
    expect([kept.at('s499'), kept.at('e0'), kept.size]).toEqual(['session', 'trace', 1_001])
    await clock.advance(1_000)
    expect([kept.at('s499'), kept.at('e0'), kept.size]).toEqual([null, 'trace', 501])
    await clock.advance(3_600_000)
    expect([kept.at('used'), kept.at('e499'), kept.size]).toEqual(['session', null, 1])
  })

  test('a session moves to a new id where there is no room for one more', async () => {
    const store = createMemorySessionStore(names, localWake(), handClock(), undefined, 1)
    await store.create(call, 'a', draft)
    const ending = { version: 1, trace: '{"ended":0}', keepMs: 1_000 }
    expect(await store.move(call, 'a', 'b', draft, ending)).toMatchObject({ is: 'saved' })
    expect(await store.look(call, ['a', 'b'])).toMatchObject([{ raw: ending.trace }, { raw: expect.any(String) }])
    await expect(store.create(call, 'c', draft)).rejects.toMatchObject({ code: 'OVERLOADED' })
  })

  test('what comes after its time is refused, and leaves what is there', async () => {
    const clock = handClock()
    const store = createMemorySessionStore(names, localWake(), clock)
    const late = { ...draft, notAfter: clock.wall() - 1 }
    expect(await store.create(call, 'a', late)).toEqual({ is: 'late' })
    await store.create(call, 'a', draft)
    expect(await store.save(call, 'a', 1, late)).toEqual({ is: 'late' })
    const ending = { version: 1, trace: '{"ended":0}', keepMs: 1_000 }
    expect(await store.move(call, 'a', 'b', late, ending)).toEqual({ is: 'late' })
    expect(await store.look(call, ['a', 'b'])).toMatchObject([{ raw: expect.any(String) }, { raw: null }])
  })
})
