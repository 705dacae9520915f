import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import type { SemaphoreNamespace, SemaphoreOptions } from '../../src/kinds/semaphore/contract.ts'
import type { PermitRequest, SemaphoreStore } from '../../src/kinds/semaphore/store.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { expectGrowing } from './lock.ts'

/** A store under test, and clients of it that know nothing of each other. */
export interface SemaphoreHarness {
  readonly store: SemaphoreStore
  client(options?: SemaphoreTestOptions): Promise<SemaphoreClient>
  /** Terms of a call that has so many milliseconds left. */
  call(remainingMs?: number): Call
  /** Lets this much time pass. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export type SemaphoreTestOptions = Partial<Omit<SemaphoreOptions, 'hashed'>>

export interface SemaphoreClient {
  readonly semaphores: SemaphoreNamespace<'sem:<id>'>
  close(): Promise<void>
}

/** What the clients of the harness declare unless they say otherwise. */
export const declared = { permits: 3, ttl: '30s' } as const
export const ttlMs = 30_000

/** A waiter that has to be woken, because it asks by itself only twice an hour. */
const drowsy = { attempts: 2, delay: '30m' } as const

const request = (owner: string, permits = 1): PermitRequest => ({ key: 'sem:a', claim: createClaim(owner), permits })

/** What every semaphore store and its handle promise. */
export function semaphoreConformance(name: string, open: () => Promise<SemaphoreHarness>): void {
  describe(`semaphore on ${name}`, () => {
    let harness: SemaphoreHarness
    const id = 'a'

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    test('contenders of two clients, of any weight, never hold more permits than there are', async () => {
      const clients = await Promise.all([harness.client(), harness.client()])
      const fences: bigint[] = []
      let inside = 0
      let most = 0
      await Promise.all(
        Array.from({ length: 60 }, (_, index) => {
          const permits = (index % 3) + 1
          return clients[index % 2]!.semaphores({ id }).run(
            async ({ fence, signal }) => {
              inside += permits
              most = Math.max(most, inside)
              fences.push(fence)
              await turn()
              await turn()
              expect(signal.aborted).toBe(false)
              inside -= permits
            },
            { permits, wait: '25s' },
          )
        }),
      )
      expect(most).toBe(3)
      expect(new Set(fences).size).toBe(60)
      expect(await clients[0]!.semaphores({ id }).inspect()).toMatchObject({ permits: 3, held: 0, free: 3 })
    })

    test('every acquisition has a fence larger than those before', async () => {
      const { semaphores } = await harness.client({ permits: 100 })
      const fences: bigint[] = []
      for (let count = 0; count < 100; count++) fences.push((await semaphores({ id }).tryAcquire())!.fence)
      expectGrowing(fences)
      expect(await semaphores({ id }).tryAcquire()).toBeUndefined()
    })

    test('permits are taken all or none, and what is held is shown', async () => {
      const { semaphores } = await harness.client()
      const two = (await semaphores({ id }).tryAcquire({ permits: 2 }))!
      expect(await semaphores({ id }).tryAcquire({ permits: 2 })).toBeUndefined()
      const one = (await semaphores({ id }).tryAcquire())!
      expect(await semaphores({ id }).tryAcquire()).toBeUndefined()
      const state = await semaphores({ id }).inspect()
      expect(state).toMatchObject({ permits: 3, held: 3, free: 0 })
      expect(state.remainingMs).toHaveLength(3)
      for (const ms of state.remainingMs) expect(ms > 0 && ms <= ttlMs).toBe(true)
      expect(await semaphores({ id: 'b' }).inspect()).toEqual({ permits: 3, held: 0, free: 3, remainingMs: [] })
      expect(await two.release()).toBe(true)
      expect(await two.release()).toBe(false)
      expect(await one.release()).toBe(true)
      expect((await semaphores({ id }).inspect()).held).toBe(0)
    })

    test('permits expire singly', async () => {
      const { store } = harness
      await store.acquire(harness.call(), request('short'), 3, 100)
      await store.acquire(harness.call(), request('long', 2), 3, 60_000)
      const refused = await store.acquire(harness.call(), request('other'), 3, ttlMs)
      expect(refused.granted).toBe(false)
      if (refused.granted || refused.remainingMs === undefined) return expect.unreachable()
      expect(refused.remainingMs > 0 && refused.remainingMs <= 100).toBe(true)
      await harness.advance(110)
      expect(await store.acquire(harness.call(), request('other'), 3, ttlMs)).toMatchObject({ granted: true })
      expect(await store.acquire(harness.call(), request('more'), 3, ttlMs)).toMatchObject({ granted: false })
    })

    test('who is refused learns when enough permits will have expired', async () => {
      const { store } = harness
      await store.acquire(harness.call(), request('one'), 3, 100_000)
      await store.acquire(harness.call(), request('two'), 3, 200_000)
      await store.acquire(harness.call(), request('three'), 3, 300_000)
      const waits = await Promise.all(
        [1, 2, 3].map(async permits => {
          const answer = await store.acquire(harness.call(), request('four', permits), 3, ttlMs)
          return answer.granted ? 0 : answer.remainingMs!
        }),
      )
      expect(waits.map(ms => Math.ceil(ms / 100_000))).toEqual([1, 2, 3])
    })

    test('an owner who asks again has no more permits, and a larger fence', async () => {
      const { store } = harness
      const mine = request('one', 3)
      const first = await store.acquire(harness.call(), mine, 3, ttlMs)
      const again = await store.acquire(harness.call(), mine, 3, ttlMs)
      if (!first.granted || !again.granted) return expect.unreachable()
      expect(BigInt(again.fence)).toBeGreaterThan(BigInt(first.fence))
      expect(await store.inspect(harness.call(), 'sem:a', 3)).toMatchObject({ held: 3 })
      expect(await store.release(harness.call(), mine)).toBe(true)
      expect(await store.inspect(harness.call(), 'sem:a', 3)).toMatchObject({ held: 0 })
    })

    test('more permits than there are is an error, and no wait', async () => {
      const { semaphores } = await harness.client()
      const refused = { code: 'PARAM_INVALID', message: expect.stringContaining('the semaphore has 3 in all') }
      await expect(semaphores({ id }).tryAcquire({ permits: 4 })).rejects.toMatchObject(refused)
      await expect(semaphores({ id }).run(() => {}, { permits: 4 })).rejects.toMatchObject(refused)
    })

    test('a request whose time is over is refused and takes nothing', async () => {
      const late = harness.store.acquire(harness.call(-5_000), request('one'), 3, ttlMs)
      await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
      expect(await harness.store.inspect(harness.call(), 'sem:a', 3)).toMatchObject({ held: 0 })
    })

    test('an owner who lost his can neither release nor extend what is now another’s', async () => {
      const { store } = harness
      const [stale, present] = [request('stale', 2), request('present', 3)]
      await store.acquire(harness.call(), stale, 3, 100)
      await harness.advance(110)
      expect(await store.acquire(harness.call(), present, 3, ttlMs)).toMatchObject({ granted: true })
      expect(await store.release(harness.call(), stale)).toBe(false)
      expect(await store.extend(harness.call(), stale, ttlMs)).toBeUndefined()
      expect(await store.withdraw(harness.call(), stale)).toBe(0)
      expect(await store.inspect(harness.call(), 'sem:a', 3)).toMatchObject({ held: 3 })
      expect(await store.release(harness.call(), present)).toBe(true)
    })

    test('a withdrawn claim holds nothing', async () => {
      const mine = request('one', 2)
      await harness.store.acquire(harness.call(), mine, 3, ttlMs)
      expect(await harness.store.withdraw(harness.call(), mine)).toBe(0)
      expect(await harness.store.inspect(harness.call(), 'sem:a', 3)).toMatchObject({ held: 0 })
    })

    test('what is held is renewed, and what is not renewed ends with a signal before its time', async () => {
      const [ttl, lifeMs] = ['900ms', 900] as const
      const renewed = await harness.client({ ttl })
      const left = await harness.client({ ttl, renew: false })
      const kept = (await renewed.semaphores({ id }).tryAcquire({ permits: 2 }))!
      const lost = (await left.semaphores({ id }).tryAcquire())!
      await harness.advance(lifeMs * 1.7)
      expect(kept.signal.aborted).toBe(false)
      expect(lost.signal.reason).toMatchObject({ code: 'LOCK_LOST', message: expect.stringContaining('permit') })
      expect(lost.remaining()).toBe(0)
      expect(await renewed.semaphores({ id }).inspect()).toMatchObject({ held: 2 })
      expect(await kept.extend('1m')).toBe(true)
      expect(kept.remaining()).toBeGreaterThan(lifeMs)
      expect(await kept.release()).toBe(true)
    })

    test('a release is heard by a waiter of another client that hardly ever polls', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const held = (await one.semaphores({ id }).tryAcquire({ permits: 3 }))!
      await held.extend('1h')
      const waiters = [1, 2, 3].map(() => two.semaphores({ id }).acquire(drowsy))
      await harness.advance(20)
      expect(await held.release()).toBe(true)
      const granted = await Promise.all(waiters)
      for (const one of granted) expect(one!.fence).toBeGreaterThan(held.fence)
    })

    test('waiters of one process are served in the order they came: who wants many is not overtaken', async () => {
      const { semaphores } = await harness.client()
      const [first, second] = [
        (await semaphores({ id }).tryAcquire({ permits: 2 }))!,
        (await semaphores({ id }).tryAcquire())!,
      ]
      const order: string[] = []
      const waiter = (name: string, permits: number) =>
        semaphores({ id }).run(() => void order.push(name), { permits, ...drowsy })
      const waiters = [waiter('all', 3), waiter('one', 1), waiter('two', 2)]
      await harness.advance(20)
      await second.release()
      await harness.advance(20)
      expect(order).toEqual([])
      await first.release()
      await Promise.all(waiters)
      expect(order).toEqual(['all', 'one', 'two'])
    })

    test('waiting ends without permits, and an aborted waiter disturbs no other', async () => {
      const { semaphores } = await harness.client({ retry: { attempts: 3, delay: '50ms' } })
      const held = (await semaphores({ id }).tryAcquire({ permits: 3 }))!
      await held.extend('1h')
      const controller = new AbortController()
      const aborted = semaphores({ id }).acquire({ signal: controller.signal, ...drowsy })
      const ended = expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
      const impatient = semaphores({ id }).acquire()
      const run = semaphores({ id }).run(() => 'never')
      const failure = expect(run).rejects.toMatchObject({ code: 'LOCK_BUSY', outcome: 'not-executed' })
      await harness.advance(180)
      expect(await impatient).toBeUndefined()
      await failure
      const patient = semaphores({ id }).acquire(drowsy)
      await harness.advance(5)
      controller.abort()
      await ended
      await held.release()
      expect(await patient).toBeDefined()
    })

    test('the number of permits changes at run time, for all, and takes none away', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client({ permits: 9 })])
      await one.semaphores({ id }).resize(5)
      const held = (await two.semaphores({ id }).tryAcquire({ permits: 4 }))!
      await two.semaphores({ id }).resize(2)
      expect(await one.semaphores({ id }).inspect()).toMatchObject({ permits: 2, held: 4, free: 0 })
      expect(held.signal.aborted).toBe(false)
      expect(await held.extend()).toBe(true)
      expect(await one.semaphores({ id }).tryAcquire()).toBeUndefined()
      const waiter = one.semaphores({ id }).acquire(drowsy)
      await harness.advance(20)
      await two.semaphores({ id }).resize(5)
      expect(await waiter).toBeDefined()
      await two.semaphores({ id }).resize(undefined)
      expect(await one.semaphores({ id }).inspect()).toMatchObject({ permits: 3, held: 5 })
      expect(await two.semaphores({ id }).inspect()).toMatchObject({ permits: 9, held: 5, free: 4 })
    })

    test('clients that declare different numbers each keep to their own', async () => {
      const [few, many] = await Promise.all([harness.client({ permits: 2 }), harness.client({ permits: 4 })])
      expect(await many.semaphores({ id }).tryAcquire({ permits: 3 })).toBeDefined()
      expect(await few.semaphores({ id }).tryAcquire()).toBeUndefined()
      expect(await many.semaphores({ id }).tryAcquire()).toBeDefined()
      expect(await many.semaphores({ id }).tryAcquire()).toBeUndefined()
    })

    test('what no verb can take is refused by name, and takes no permit', async () => {
      const { semaphores } = await harness.client()
      const one = semaphores({ id })
      const nonsense: [work: () => unknown, message: string][] = [
        [() => semaphores(undefined as never), "the params of 'sem:<id>' are undefined; give { id }"],
        [() => one.tryAcquire(null as never), 'the options are null'],
        [() => one.tryAcquire({ permits: 0 }), 'permits is 0; it must be a whole number from 1 to 1000'],
        [() => one.tryAcquire({ permits: '2' as never }), "permits is '2'; it must be a whole number"],
        [() => one.acquire({ permits: 1.5 }), 'permits is 1.5'],
        [() => one.acquire({ permit: 2 } as never), 'permit is not an option; did you mean permits?'],
        [() => one.acquire({ wait: 5 as never }), 'wait is 5; write a length of time'],
        [() => one.run(undefined as never), "run() of 'sem:<id>' was given undefined; give it a function"],
        [() => one.inspect(7 as never), 'the options are a number'],
        [() => one.resize(0), 'permits is 0'],
        [() => one.resize(2, [] as never), 'the options are an array'],
      ]
      for (const [work, message] of nonsense) {
        const said = (async () => work())()
        await expect(said).rejects.toMatchObject({ code: 'PARAM_INVALID', message: expect.stringContaining(message) })
      }
      expect(await one.inspect()).toMatchObject({ permits: 3, held: 0 })
    })

    test('closing ends waiters and tells holders', async () => {
      const client = await harness.client()
      const held = (await client.semaphores({ id }).tryAcquire({ permits: 3 }))!
      const ended = expect(client.semaphores({ id }).acquire(drowsy)).rejects.toMatchObject({ code: 'CLOSED' })
      await harness.advance(5)
      await client.close()
      await ended
      expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
      await expect(client.semaphores({ id }).acquire()).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })
}
