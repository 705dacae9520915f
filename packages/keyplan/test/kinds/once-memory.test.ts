import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { guarded } from '../../src/guard/guarded.ts'
import { once } from '../../src/kinds/once/contract.ts'
import { openOnce } from '../../src/kinds/once/handle.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { createMemoryMarkStore } from '../../src/mechanisms/mark/memory.ts'
import { markOperations } from '../../src/mechanisms/mark/store.ts'
import { localWake } from '../../src/mechanisms/wake.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { declared, leaseMs, type OnceHarness, onceConformance, ttlMs } from '../conformance/once.ts'
import { cutOff } from './once-redis-harness.ts'

const pattern = parsePattern('pay:<id>')

/** Clients of one store in one process, on a clock that stands still. */
function memoryHarness(): OnceHarness {
  const clock = handClock()
  const wake = localWake()
  const store = createMemoryMarkStore(wake.notify, clock)
  let clients = 0
  return {
    store,
    async client(options) {
      const { steps, vanish } = cutOff(guarded('payments', store, markOperations, createBareGuard()))
      const settings = once('pay:<id>', { ...declared, ...options }).options
      const surroundings = { name: 'payments', pattern, clock, server: undefined, notify: () => {} }
      const instance = `client-${++clients}`
      const { client, close } = openOnce(settings, steps, wake, key => key, { ...surroundings, instance })
      return { payments: client, vanish, close }
    },
    call: (remainingMs = 5_000) => ({ expires: clock.now() + remainingMs, hold: true, written: 0 }),
    advance: ms => clock.advance(ms),
    close: async () => {},
  }
}

onceConformance('memory', async () => memoryHarness())

test('a store that keeps all it may refuses another mark, and none that it has', async () => {
  const clock = handClock()
  const store = createMemoryMarkStore(() => {}, clock, 2)
  const call = { expires: Number.POSITIVE_INFINITY, hold: true, written: 0 }
  const terms = { leaseMs, ttlMs, takeOver: true, print: undefined }
  const claim = createClaim('one')
  await store.claim(call, 'a', claim, terms)
  await store.claim(call, 'b', claim, terms)
  await expect(store.claim(call, 'c', claim, terms)).rejects.toMatchObject({ code: 'OVERLOADED' })
  expect(await store.claim(call, 'a', claim, terms)).toMatchObject({ state: 'claimed' })
  await clock.advance(ttlMs + 1)
  expect(await store.claim(call, 'c', claim, terms)).toMatchObject({ state: 'claimed' })
})

test('a mark that is kept for longer than a timer counts is not forgotten early', async () => {
  const clock = handClock()
  const store = createMemoryMarkStore(() => {}, clock)
  const day = 86_400_000
  const call = { expires: Number.POSITIVE_INFINITY, hold: true, written: 0 }
  const terms = { leaseMs, ttlMs: 60 * day, takeOver: true, print: undefined }
  await store.claim(call, 'a', createClaim('one'), terms)
  await clock.advance(59 * day)
  expect(await store.inspect(call, 'a')).toMatchObject({ remainingMs: day })
  await clock.advance(day + 1)
  expect(await store.inspect(call, 'a')).toEqual({ state: 'none' })
})

test('in memory there is nothing to commit to, which is said before anything is lost', async () => {
  const { payments } = await memoryHarness().client()
  const run = payments({ id: 'a' }).run(({ commit }) => commit([['incr', 'x']], { id: 1 }))
  await expect(run).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  expect(await payments({ id: 'a' }).inspect()).toEqual({ state: 'none' })
})
