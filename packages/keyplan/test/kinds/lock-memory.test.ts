import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { guarded } from '../../src/guard/guarded.ts'
import type { Notice } from '../../src/kinds/kind.ts'
import { lock } from '../../src/kinds/lock/contract.ts'
import { openLocks } from '../../src/kinds/lock/handle.ts'
import { createMemoryIntervalStore, intervalOperations } from '../../src/kinds/lock/interval-store.ts'
import { createMemoryLockStore } from '../../src/kinds/lock/memory.ts'
import { lockNames } from '../../src/kinds/lock/names.ts'
import { type LockStore, lockOperations } from '../../src/kinds/lock/store.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { localWake } from '../../src/mechanisms/wake.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { type LockHarness, lockConformance, ttlMs } from '../conformance/lock.ts'
import { officeConformance } from '../conformance/office.ts'

const pattern = parsePattern('lock:<id>')
const names = lockNames(pattern)

/** Clients of one store in one process, on a clock that stands still. */
function memoryHarness(watch: (store: LockStore) => LockStore = store => store) {
  const clock = handClock()
  const wake = localWake()
  const store = watch(createMemoryLockStore(names, wake, clock))
  const marks = createMemoryIntervalStore(names, clock)
  let clients = 0
  const harness: LockHarness = {
    store,
    async client(options) {
      const guard = createBareGuard()
      const notices: Notice[] = []
      const steps = guarded('locks', store, lockOperations, guard)
      const intervals = guarded('locks', marks, intervalOperations, guard)
      const { client, close } = openLocks(
        lock('lock:<id>', { ttl: `${ttlMs}ms`, ...options }).options,
        {
          main: steps,
          local: steps,
          intervals: options?.whenDown === 'local' ? undefined : intervals,
          holding: new Map(),
        },
        [hear => wake.listen(names.wake(''), hear)],
        {
          name: 'locks',
          pattern,
          clock,
          server: undefined,
          instance: `host:1:client-${++clients}`,
          notify: notice => notices.push(notice as Notice),
        },
      )
      return { locks: client, notices, close }
    },
    call: (remainingMs = 5_000) => ({ expires: clock.now() + remainingMs, hold: true, written: 0 }),
    advance: ms => clock.advance(ms),
    close: async () => {},
  }
  return { harness, clock }
}

lockConformance('memory', async () => memoryHarness().harness)
officeConformance('memory', async () => memoryHarness().harness)

test('three attempts with a delay of 200 ms ask three times and end after 600 ms', async () => {
  const asked: number[] = []
  const { harness, clock } = memoryHarness(store => ({
    ...store,
    acquireMany: (...args) => {
      asked.push(clock.now())
      return store.acquireMany(...args)
    },
  }))
  const { locks } = await harness.client({ retry: { attempts: 3, delay: '200ms' } })
  const held = (await locks({ id: 'a' }).tryAcquire())!
  await held.extend('1h')
  asked.length = 0
  let ended: number | undefined
  void locks({ id: 'a' })
    .acquire()
    .then(() => {
      ended = clock.now()
    })
  await harness.advance(599)
  expect(ended).toBeUndefined()
  await harness.advance(1)
  expect(ended).toBe(600)
  expect([...new Set(asked)]).toEqual([0, 200, 400])
})

test('the signal fires when a tenth of the time to live is left', async () => {
  const { harness, clock } = memoryHarness()
  const { locks } = await harness.client({ renew: false })
  const held = (await locks({ id: 'a' }).tryAcquire())!
  const fired = new Promise<number>(resolve => held.signal.addEventListener('abort', () => resolve(clock.now())))
  await harness.advance(ttlMs)
  expect(await fired).toBe(ttlMs * 0.9)
})

test('entries leave with their time to live, and waiters are woken', async () => {
  const { harness } = memoryHarness()
  const one = await harness.client({ renew: false })
  const two = await harness.client()
  await one.locks({ id: 'a' }).tryAcquire()
  const waiter = two.locks({ id: 'a' }).acquire({ attempts: 2, delay: '1h' })
  await harness.advance(ttlMs + 1)
  expect(await waiter).toBeDefined()
})

test('however many wait and work under one signal, it has one listener, and none when they are gone', async () => {
  const { harness } = memoryHarness()
  const { locks } = await harness.client()
  const { signal } = new AbortController()
  const seen: number[] = []
  const work = () => void seen.push(getEventListeners(signal, 'abort').length)
  await Promise.all(Array.from({ length: 20 }, () => locks({ id: 'a' }).run(work, { signal })))
  expect(seen).toEqual(Array(20).fill(1))
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a store that holds all it may refuses another lock, and none that it has given', async () => {
  const clock = handClock()
  const store = createMemoryLockStore(names, localWake(), clock, 2)
  const call = { expires: Number.POSITIVE_INFINITY, hold: true, written: 0 }
  const claim = createClaim('one')
  await store.acquire(call, 'lock:a', claim, ttlMs)
  await store.acquire(call, 'lock:b', claim, ttlMs)
  await expect(store.acquire(call, 'lock:c', claim, ttlMs)).rejects.toMatchObject({ code: 'OVERLOADED' })
  expect(await store.acquire(call, 'lock:a', claim, ttlMs)).toMatchObject({ granted: true })
  await clock.advance(ttlMs + 1)
  expect(await store.acquire(call, 'lock:c', claim, ttlMs)).toMatchObject({ granted: true })
})
