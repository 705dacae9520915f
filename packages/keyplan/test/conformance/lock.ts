import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import type { Notice } from '../../src/kinds/kind.ts'
import type { LockNamespace, LockOptions } from '../../src/kinds/lock/contract.ts'
import type { LockStore } from '../../src/kinds/lock/store.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'

/** A store under test, and clients of it that know nothing of each other. */
export interface LockHarness {
  readonly store: LockStore
  client(options?: LockTestOptions): Promise<LockClient>
  /** Terms of a call that has so many milliseconds left. */
  call(remainingMs?: number): Call
  /** Lets this much time pass. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export type LockTestOptions = Partial<Omit<LockOptions, 'hashed' | 'quorum'>>

export interface LockClient {
  readonly notices: readonly Notice[]
  readonly locks: LockNamespace<'lock:<id>'>
  close(): Promise<void>
}

/** Milliseconds that a lock of the harness lives. */
export const ttlMs = 600

/** A waiter that has to be woken, because it asks by itself only twice an hour. */
const drowsy = { attempts: 2, delay: '30m' } as const

/** What every lock store and its handle promise. */
export function lockConformance(name: string, open: () => Promise<LockHarness>): void {
  describe(`lock on ${name}`, () => {
    let harness: LockHarness
    const id = 'a'

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    test('fifty contenders of two clients hold it one at a time, with growing fences', async () => {
      const clients = await Promise.all([harness.client(), harness.client()])
      const fences: bigint[] = []
      let inside = 0
      let most = 0
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          clients[index % 2]!.locks({ id }).run(
            async ({ fence, signal }) => {
              most = Math.max(most, ++inside)
              fences.push(fence)
              await turn()
              await turn()
              expect(signal.aborted).toBe(false)
              inside--
            },
            { wait: '25s' },
          ),
        ),
      )
      expect(most).toBe(1)
      expect(fences).toHaveLength(50)
      expectGrowing(fences)
    })

    test('the fence grows with every acquisition', async () => {
      const { locks } = await harness.client()
      const fences: bigint[] = []
      for (let count = 0; count < 200; count++) {
        await using held = await locks({ id }).tryAcquire()
        fences.push(held!.fence)
      }
      expectGrowing(fences)
    })

    test('locks of different parameters know nothing of each other', async () => {
      const { locks } = await harness.client()
      expect(await locks({ id: 'a' }).tryAcquire()).toBeDefined()
      expect(await locks({ id: 'b' }).tryAcquire()).toBeDefined()
      expect(await locks({ id: 'a' }).tryAcquire()).toBeUndefined()
    })

    test('an owner who asks again has the same fence and no second acquisition', async () => {
      const { store } = harness
      const claim = createClaim('one')
      const first = await store.acquire(harness.call(), 'lock:a', claim, ttlMs)
      const again = await store.acquire(harness.call(), 'lock:a', claim, ttlMs)
      expect(first.granted && again.granted && again.fence === first.fence).toBe(true)
      expect(await store.acquire(harness.call(), 'lock:a', createClaim('two'), ttlMs)).toMatchObject({ granted: false })
      expect(await store.release(harness.call(), 'lock:a', claim)).toBe(true)
      expect(await store.inspect(harness.call(), 'lock:a')).toEqual({
        locked: false,
        remainingMs: undefined,
        holder: undefined,
        waiters: 0,
        readers: 0,
      })
    })

    test('what is asked of one lock in one tick takes effect in the order it was asked', async () => {
      const { locks } = await harness.client()
      const first = (await locks({ id }).tryAcquire())!
      const [other, , again] = await Promise.all([
        locks({ id: 'b' }).tryAcquire(),
        first.release(),
        locks({ id }).tryAcquire(),
      ])
      expect(again?.fence).toBeGreaterThan(first.fence)
      const [, own, seen] = await Promise.all([
        again?.release(),
        locks({ id }).tryAcquire({ deadline: '5s' }),
        locks({ id }).inspect(),
      ])
      expect(own?.fence).toBeGreaterThan(again!.fence)
      expect(seen?.locked).toBe(true)
      await Promise.all([own?.release(), other?.release()])
    })

    test('many at once are each decided for itself, in order', async () => {
      const { store } = harness
      const [one, two, three] = [createClaim('one'), createClaim('two'), createClaim('three')]
      await store.acquire(harness.call(), 'lock:b', three, ttlMs)
      const requests = [
        { key: 'lock:a', claim: one },
        { key: 'lock:b', claim: one },
        { key: 'lock:a', claim: two },
        { key: 'lock:c', claim: two },
      ]
      const answers = await store.acquireMany(harness.call(), requests, ttlMs)
      expect(answers).toMatchObject([{ granted: true }, { granted: false }, { granted: false }, { granted: true }])
      const released = [...requests, { key: 'lock:b', claim: three }]
      expect(await store.releaseMany(harness.call(), released)).toEqual([true, false, false, true, true])
      for (const key of ['lock:a', 'lock:b', 'lock:c']) {
        expect((await store.inspect(harness.call(), key)).locked).toBe(false)
      }
    })

    test('an owner whose token begins like the holder’s is another', async () => {
      const { store } = harness
      await store.acquire(harness.call(), 'lock:a', createClaim('one/12'), ttlMs)
      expect(await store.release(harness.call(), 'lock:a', createClaim('one/1'))).toBe(false)
      expect(await store.extend(harness.call(), 'lock:a', createClaim('one/123'), ttlMs)).toBeUndefined()
    })

    test('a request whose time is over is refused and takes nothing', async () => {
      const { store } = harness
      const late = store.acquire(harness.call(-5_000), 'lock:a', createClaim('one'), ttlMs)
      await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
      expect((await store.inspect(harness.call(), 'lock:a')).locked).toBe(false)
    })

    test('an owner who lost it can neither release nor extend nor withdraw what is now another’s', async () => {
      const { store } = harness
      const [stale, present] = [createClaim('stale'), createClaim('present')]
      await store.acquire(harness.call(), 'lock:a', stale, 100)
      await harness.advance(110)
      expect(await store.acquire(harness.call(), 'lock:a', present, ttlMs)).toMatchObject({ granted: true })
      expect(await store.release(harness.call(), 'lock:a', stale)).toBe(false)
      expect(await store.extend(harness.call(), 'lock:a', stale, ttlMs)).toBeUndefined()
      expect(await store.withdraw(harness.call(), 'lock:a', stale)).toBe(0)
      expect((await store.inspect(harness.call(), 'lock:a')).locked).toBe(true)
      expect(await store.release(harness.call(), 'lock:a', present)).toBe(true)
    })

    test('a withdrawn claim holds nothing', async () => {
      const { store } = harness
      const claim = createClaim('one')
      await store.acquire(harness.call(), 'lock:a', claim, ttlMs)
      expect(await store.withdraw(harness.call(), 'lock:a', claim)).toBe(0)
      expect((await store.inspect(harness.call(), 'lock:a')).locked).toBe(false)
    })

    test('a lock that is not renewed ends with its time to live, and its signal fires before that', async () => {
      const { locks } = await harness.client({ renew: false })
      const held = (await locks({ id }).tryAcquire())!
      const remainingAtSignal = new Promise<number>(resolve => {
        const until = harness.call(0).expires + held.remaining()
        held.signal.addEventListener('abort', () => resolve(until - harness.call(0).expires))
      })
      await harness.advance(ttlMs * 0.5)
      expect(held.signal.aborted).toBe(false)
      expect(await locks({ id }).tryAcquire()).toBeUndefined()
      await harness.advance(ttlMs * 0.6)
      expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
      expect(await remainingAtSignal).toBeGreaterThan(0)
      expect(held.remaining()).toBe(0)
      expect(await held.extend()).toBe(false)
      expect(await locks({ id }).tryAcquire()).toBeDefined()
    })

    test('a lock that is held is renewed', async () => {
      const { locks } = await harness.client()
      const held = (await locks({ id }).tryAcquire())!
      await harness.advance(ttlMs * 1.7)
      expect(held.signal.aborted).toBe(false)
      expect(held.remaining()).toBeGreaterThan(0)
      expect(await locks({ id }).isLocked()).toBe(true)
      expect(await held.release()).toBe(true)
      expect(await locks({ id }).isLocked()).toBe(false)
    })

    test('extend sets the time to live, and releasing twice frees once', async () => {
      const { locks } = await harness.client()
      const held = (await locks({ id }).tryAcquire())!
      expect(await held.extend('1m')).toBe(true)
      expect(held.remaining()).toBeGreaterThan(ttlMs)
      const state = await locks({ id }).inspect()
      expect(state.locked).toBe(true)
      expect(state.remainingMs).toBeGreaterThan(ttlMs)
      await expect(held.extend('5ms')).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      expect(await held.release()).toBe(true)
      expect(await held.release()).toBe(false)
      expect(await held.extend()).toBe(false)
      expect(held.remaining()).toBe(0)
    })

    test('a release is heard by a waiter of another client that hardly ever polls', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const held = (await one.locks({ id }).tryAcquire())!
      await held.extend('1h')
      const waiter = two.locks({ id }).acquire(drowsy)
      await harness.advance(20)
      expect(await held.release()).toBe(true)
      expect((await waiter)!.fence).toBeGreaterThan(held.fence)
    })

    test('several are taken together, all or none, and released together', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const both = one.locks.all([{ id: 'b' }, { id: 'a' }, { id: 'b' }])
      const set = (await both.tryAcquire())!
      expect(set.locks).toHaveLength(3)
      expect(set.locks[0]).toBe(set.locks[2])
      expect(set.remaining()).toBeGreaterThan(0)
      expect(await two.locks.all([{ id: 'c' }, { id: 'b' }]).tryAcquire()).toBeUndefined()
      expect(await two.locks({ id: 'c' }).isLocked()).toBe(false)
      const hasty = two.locks.all([{ id: 'c' }, { id: 'b' }]).acquire({ wait: '5ms' })
      await harness.advance(20)
      expect(await hasty).toBeUndefined()
      const waiter = two.locks.all([{ id: 'c' }, { id: 'a' }, { id: 'b' }]).run(({ locks }) => locks.length, drowsy)
      await harness.advance(20)
      expect(await set.release()).toBe(true)
      expect(await waiter).toBe(3)
      for (const id of ['a', 'b', 'c']) expect(await one.locks({ id }).isLocked()).toBe(false)
      for (const nonsense of [[], undefined, Array(101).fill({ id: 'a' })]) {
        expect(() => one.locks.all(nonsense as never)).toThrow(/all\(\) of 'lock:<id>' was given/)
      }
    })

    test('whoever wants several in another order waits for nobody who waits for him', async () => {
      const clients = await Promise.all([harness.client(), harness.client()])
      const orders = [
        ['a', 'b', 'c'],
        ['c', 'b', 'a'],
        ['b', 'c'],
        ['c', 'a'],
      ]
      const inside = new Set<string>()
      await Promise.all(
        Array.from({ length: 16 }, (_, index) => {
          const ids = orders[index % 4]!
          return clients[index % 2]!.locks.all(ids.map(id => ({ id }))).run(
            async () => {
              for (const id of ids) {
                expect(inside.has(id)).toBe(false)
                inside.add(id)
              }
              await turn()
              for (const id of ids) inside.delete(id)
            },
            { wait: '25s' },
          )
        }),
      )
    })

    test('when one of several is lost, their signal fires and the others are still released', async () => {
      const { locks } = await harness.client()
      const set = (await locks.all([{ id: 'a' }, { id: 'b' }]).tryAcquire())!
      const lost = new Promise(resolve => set.signal.addEventListener('abort', resolve))
      await harness.advance(20)
      await locks({ id: 'b' }).forceRelease({ reason: 'test' })
      await lost
      expect(set.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
      expect(set.remaining()).toBe(0)
      expect(await set.release()).toBe(false)
      expect(await locks({ id: 'a' }).isLocked()).toBe(false)
    })

    test('one of several that is lost while another is waited for is asked for again', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const last = (await two.locks({ id: 'b' }).tryAcquire())!
      const all = one.locks.all([{ id: 'a' }, { id: 'b' }])
      const waiter = all.run(({ signal, locks }) => ({ lost: signal.aborted, fence: locks[0]!.fence }), drowsy)
      while ((await one.locks({ id: 'b' }).inspect()).waiters === 0) await harness.advance(20)
      await two.locks({ id: 'a' }).forceRelease({ reason: 'test' })
      const first = (await two.locks({ id: 'a' }).tryAcquire())!
      await last.release()
      await harness.advance(20)
      await first.release()
      const had = await waiter
      expect(had.lost).toBe(false)
      expect(had.fence).toBeGreaterThan(first.fence)
    })

    test('it says who holds it, since when, and that somebody waits', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const held = (await one.locks({ id }).tryAcquire())!
      const waiter = two.locks({ id }).acquire(drowsy)
      await harness.advance(50)
      let seen = await two.locks({ id }).inspect()
      while (seen.waiters === 0) {
        await harness.advance(20)
        seen = await two.locks({ id }).inspect()
      }
      expect(seen).toMatchObject({ locked: true, waiters: 1 })
      expect(seen.holder).toMatchObject({ host: 'host', pid: 1, fence: held.fence })
      expect(seen.holder!.client).toMatch(/^client-/)
      expect(seen.holder!.ageMs).toBeGreaterThanOrEqual(40)
      await held.release()
      const next = (await waiter)!
      expect((await one.locks({ id }).inspect()).holder!.fence).toBe(next.fence)
    })

    test('a forced release tells the holder, gives it to the next, and the fence grows on', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const held = (await one.locks({ id }).tryAcquire())!
      await held.extend('1h')
      const lost = new Promise(resolve => held.signal.addEventListener('abort', resolve))
      const waiter = two.locks({ id }).acquire(drowsy)
      await harness.advance(100)
      const was = await two.locks({ id }).forceRelease({ reason: 'its holder hangs' })
      expect(was).toMatchObject({ locked: true, holder: { fence: held.fence } })
      await lost
      expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST', message: expect.stringContaining('by force') })
      const next = (await waiter)!
      expect(next.fence).toBeGreaterThan(held.fence)
      expect(await held.release()).toBe(false)
      expect(next.signal.aborted).toBe(false)
      expect(await one.locks({ id: 'free' }).forceRelease({ reason: 'x' })).toMatchObject({ locked: false })
    })

    test('waiters of one process get it in the order they came', async () => {
      const { locks } = await harness.client()
      const held = (await locks({ id }).tryAcquire())!
      const order: number[] = []
      const waiters = [1, 2, 3, 4, 5].map(number => locks({ id }).run(async () => void order.push(number), drowsy))
      await held.release()
      await Promise.all(waiters)
      expect(order).toEqual([1, 2, 3, 4, 5])
    })

    test('when the first waiter gives up, the next one asks in its place', async () => {
      const [one, two] = await Promise.all([harness.client({ renew: false }), harness.client()])
      await one.locks({ id }).tryAcquire()
      const hasty = two.locks({ id }).acquire({ wait: '20ms' })
      const patient = two.locks({ id }).acquire({ wait: '1h' })
      await harness.advance(ttlMs + 50)
      expect(await hasty).toBeUndefined()
      await harness.advance(300)
      expect(await patient).toBeDefined()
    })

    test('waiting ends without the lock after attempts × delay, or after the wait of the call', async () => {
      const { locks } = await harness.client({ retry: { attempts: 3, delay: '50ms' } })
      await locks({ id }).tryAcquire()
      const [declared, shorter, outright] = [
        locks({ id }).acquire(),
        locks({ id }).acquire({ wait: '20ms' }),
        locks({ id }).acquire({ deadline: '30ms' }),
      ]
      await harness.advance(180)
      expect(await Promise.all([declared, shorter, outright])).toEqual([undefined, undefined, undefined])
      const run = locks({ id }).run(() => 'never')
      const failure = expect(run).rejects.toMatchObject({ code: 'LOCK_BUSY', outcome: 'not-executed' })
      await harness.advance(180)
      await failure
    })

    test('run gives what the work gives, and lets go when it throws', async () => {
      const { locks } = await harness.client()
      expect(await locks({ id }).run(({ degraded }) => ({ degraded }))).toEqual({ degraded: false })
      const failing = locks({ id }).run(() => {
        throw new RangeError('the work failed')
      })
      await expect(failing).rejects.toThrow(RangeError)
      expect(await locks({ id }).isLocked()).toBe(false)
    })

    test('the signal in run fires with the caller’s own', async () => {
      const { locks } = await harness.client()
      const controller = new AbortController()
      await locks({ id }).run(
        ({ signal }) => {
          controller.abort()
          expect(signal.aborted).toBe(true)
        },
        { signal: controller.signal },
      )
    })

    test('a waiter that is aborted ends at once and disturbs no other', async () => {
      const { locks } = await harness.client()
      const held = (await locks({ id }).tryAcquire())!
      const controllers = [new AbortController(), new AbortController()]
      const [first, second] = controllers.map(({ signal }) => locks({ id }).acquire({ signal, ...drowsy }))
      const patient = locks({ id }).acquire(drowsy)
      const ended = [first, second].map(waiter => expect(waiter).rejects.toMatchObject({ code: 'ABORTED' }))
      await harness.advance(20)
      controllers[1]!.abort()
      await ended[1]
      controllers[0]!.abort()
      await ended[0]
      await held.release()
      expect(await patient).toBeDefined()
      await expect(locks({ id }).tryAcquire({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    })

    test('what no verb can take is refused by name, and takes no lock', async () => {
      const { locks } = await harness.client()
      const lock = locks({ id })
      const never = () => expect.unreachable()
      const nonsense: [work: () => unknown, message: string][] = [
        [() => locks(undefined as never), "the params of 'lock:<id>' are undefined; give { id }"],
        [() => locks({ ID: 1 } as never), "parameter 'id' of 'lock:<id>' is undefined"],
        [() => lock.tryAcquire(null as never), 'the options are null'],
        [() => lock.tryAcquire({ deadline: 'soon' as never }), "deadline is 'soon'"],
        [() => lock.acquire('5s' as never), 'the options are a string'],
        [() => lock.acquire({ wait: 5 as never }), 'wait is 5; write a length of time'],
        [() => lock.acquire({ attempts: 0 }), 'attempts is 0; it must be a whole number'],
        [() => lock.acquire({ delay: '1 s' as never }), "delay is '1 s'"],
        [() => lock.acquire({ signal: 'stop' as never }), 'signal is a string; give the signal'],
        [() => lock.run(undefined as never), "run() of 'lock:<id>' was given undefined; give it a function"],
        [() => lock.run(never, 'now' as never), 'the options are a string'],
        [() => lock.isLocked(7 as never), 'the options are a number'],
        [() => lock.inspect([] as never), 'the options are an array'],
        [() => lock.forceRelease({} as never), 'reason is undefined'],
        [() => lock.forceRelease({ reason: '' }), 'say why'],
      ]
      for (const [work, message] of nonsense) {
        const said = (async () => work())()
        await expect(said).rejects.toMatchObject({
          name: 'KeyplanError',
          code: 'PARAM_INVALID',
          message: expect.stringContaining(message),
        })
      }
      const held = (await lock.tryAcquire())!
      await expect(held.extend('5 mins' as never)).rejects.toMatchObject({
        code: 'PARAM_INVALID',
        message: expect.stringContaining("ttl is '5 mins'"),
      })
      expect(await held.release()).toBe(true)
      expect(await lock.isLocked()).toBe(false)
    })

    test('closing ends waiters and tells holders', async () => {
      const client = await harness.client()
      const held = (await client.locks({ id }).tryAcquire())!
      const waiter = client.locks({ id }).acquire(drowsy)
      const ended = expect(waiter).rejects.toMatchObject({ code: 'CLOSED' })
      await harness.advance(5)
      await client.close()
      await ended
      expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
      await expect(client.locks({ id }).acquire()).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })
}

export function expectGrowing(fences: readonly bigint[]): void {
  for (let index = 1; index < fences.length; index++) expect(fences[index]).toBeGreaterThan(fences[index - 1]!)
}
