import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import { json } from '../../src/base/codec/json.ts'
import type { OnceNamespace, OnceOptions, OnceRun } from '../../src/kinds/once/contract.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import type { ClaimTerms, MarkStore, Settlement } from '../../src/mechanisms/mark/store.ts'
import { deferred } from './deferred.ts'

/** A store under test, and clients of it that know nothing of each other. */
export interface OnceHarness {
  readonly store: MarkStore
  client(options?: OnceTestOptions): Promise<OnceClient>
  /** Terms of a call that has so many milliseconds left. */
  call(remainingMs?: number): Call
  /** Lets this much time pass. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export type OnceTestOptions = Partial<Omit<OnceOptions, 'hashed'>>

export interface Receipt {
  readonly id: number
  readonly note?: string | undefined
}

export interface OnceClient {
  readonly payments: OnceNamespace<'pay:<id>', Receipt, Receipt>
  /** What lies at the key ends as if its process had been killed: nothing is renewed or given back any more. */
  vanish(): void
  close(): Promise<void>
}

/** Of the harness. Milliseconds. */
export const leaseMs = 400
export const ttlMs = 3_000

export const declared = {
  ttl: `${ttlMs}ms`,
  lease: `${leaseMs}ms`,
  onCrash: 'rerun',
  value: json<Receipt>(),
} as const

const terms: ClaimTerms = { leaseMs, ttlMs, takeOver: true, print: undefined }

const ending = (value: string, state: Settlement['ending'] = 'done'): Settlement => ({
  ending: state,
  value,
  ttlMs,
  attempt: 1,
  print: undefined,
  commands: [],
  broken: '',
  unanswered: new Set(),
})

/** What every store of marks promises, and what is built on it. */
export function onceConformance(name: string, open: () => Promise<OnceHarness>): void {
  describe(`once on ${name}`, () => {
    let harness: OnceHarness
    const id = 'a'
    const key = 'pay:a'

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    /** Work that is under way until it is told to end. */
    function slowWork() {
      const begun = deferred<OnceRun<Receipt>>()
      const end = deferred<Receipt>()
      return {
        begun: begun.promise,
        end: end.resolve,
        fail: end.reject,
        work: (run: OnceRun<Receipt>) => {
          begun.resolve(run)
          return end.promise
        },
      }
    }

    test('the work runs once, and every duplicate is given its result', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      let runs = 0
      const work = () => ({ id: ++runs, note: undefined })
      expect(await one.payments({ id }).tryRun(work)).toEqual({ state: 'done', result: { id: 1 }, replayed: false })
      expect(await two.payments({ id }).tryRun(work)).toEqual({ state: 'done', result: { id: 1 }, replayed: true })
      expect(await two.payments({ id }).run(work)).toEqual({ id: 1 })
      expect(await one.payments({ id: 'b' }).run(work)).toEqual({ id: 2 })
      expect(runs).toBe(2)
    })

    test('fifty duplicates of two clients that race have one run and one result', async () => {
      const clients = await Promise.all([harness.client(), harness.client()])
      let runs = 0
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          clients[index % 2]!.payments({ id }).run(
            async () => {
              const mine = ++runs
              await turn()
              return { id: mine }
            },
            { wait: '20s' },
          ),
        ),
      )
      expect(runs).toBe(1)
      expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([1]))
    })

    test('while it runs a duplicate is told so at once, or waits for the end of it', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const slow = slowWork()
      const first = one.payments({ id }).run(slow.work)
      await slow.begun
      const told = await two.payments({ id }).tryRun(() => expect.unreachable())
      expect(told.state).toBe('running')
      expect(told.state === 'running' && told.retryAfterMs).toBeGreaterThan(0)
      await expect(two.payments({ id }).run(() => expect.unreachable())).rejects.toMatchObject({
        code: 'ONCE_RUNNING',
        httpStatus: 409,
        outcome: 'not-executed',
      })
      const waiter = two.payments({ id }).run(() => expect.unreachable(), { wait: '20s' })
      await harness.advance(20)
      slow.end({ id: 7 })
      expect(await first).toEqual({ id: 7 })
      // The notice wakes it; in memory, where time stands still, nothing else could.
      expect(await waiter).toEqual({ id: 7 })
    })

    test('a wait that is over tells that it is still running', async () => {
      const { payments } = await harness.client()
      const slow = slowWork()
      const first = payments({ id }).run(slow.work)
      await slow.begun
      const waits = [
        payments({ id }).tryRun(() => expect.unreachable(), { wait: '30ms' }),
        payments({ id }).tryRun(() => expect.unreachable(), { wait: '1h', deadline: '300ms' }),
      ]
      await harness.advance(350)
      for (const wait of waits) expect((await wait).state).toBe('running')
      slow.end({ id: 1 })
      await first
    })

    test('a waiter that is aborted ends at once', async () => {
      const { payments } = await harness.client()
      const slow = slowWork()
      const first = payments({ id }).run(slow.work)
      await slow.begun
      const controller = new AbortController()
      const waiter = payments({ id }).run(() => expect.unreachable(), { wait: '1h', signal: controller.signal })
      const ended = expect(waiter).rejects.toMatchObject({ code: 'ABORTED' })
      await harness.advance(20)
      controller.abort()
      await ended
      slow.end({ id: 1 })
      expect(await first).toEqual({ id: 1 })
    })

    test('it is the same operation for as long as it works, and its lease is renewed', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const slow = slowWork()
      const first = one.payments({ id }).run(slow.work)
      const { signal } = await slow.begun
      await harness.advance(leaseMs * 2.5)
      expect(signal.aborted).toBe(false)
      expect((await two.payments({ id }).tryRun(() => expect.unreachable())).state).toBe('running')
      slow.end({ id: 1 })
      expect(await first).toEqual({ id: 1 })
    })

    test('rerun: who fell silent is taken over with the same token, and cannot end it any more', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const slow = slowWork()
      const first = one.payments({ id }).run(slow.work)
      const stale = await slow.begun
      one.vanish()
      await harness.advance(leaseMs * 1.2)
      expect(stale.signal.aborted).toBe(true)
      const runs: OnceRun<Receipt>[] = []
      const second = await two.payments({ id }).tryRun(run => {
        runs.push(run)
        return { id: 2 }
      })
      expect(second).toEqual({ state: 'done', result: { id: 2 }, replayed: false })
      expect(runs[0]).toMatchObject({ token: stale.token, attempt: 2 })
      expect(stale.attempt).toBe(1)
      slow.end({ id: 1 })
      await expect(first).rejects.toMatchObject({ code: 'ONCE_LOST', outcome: 'unknown' })
      expect(await two.payments({ id }).run(() => expect.unreachable())).toEqual({ id: 2 })
    })

    test('rerun: a waiter takes over from who falls silent', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const slow = slowWork()
      void one.payments({ id }).run(slow.work)
      await slow.begun
      one.vanish()
      const waiter = two.payments({ id }).run(({ attempt }) => ({ id: attempt }), { wait: '1h' })
      await harness.advance(leaseMs * 1.2)
      expect(await waiter).toEqual({ id: 2 })
    })

    test('rerun: who fell silent and was not taken over may still end it', async () => {
      const { payments } = await harness.client()
      const claim = createClaim('one')
      await harness.store.claim(harness.call(), key, claim, terms)
      await harness.advance(leaseMs + 50)
      expect(await payments({ id }).inspect()).toMatchObject({ state: 'unknown', attempt: 1, leaseMs: 0 })
      expect(await harness.store.settle(harness.call(), key, claim, ending('{"id":1}'))).toBe(true)
      expect(await payments({ id }).run(() => expect.unreachable())).toEqual({ id: 1 })
    })

    test('refuse: who fell silent leaves an unknown, and nobody runs it until it is forgotten', async () => {
      const [one, two] = await Promise.all([
        harness.client({ onCrash: 'refuse' }),
        harness.client({ onCrash: 'refuse' }),
      ])
      const slow = slowWork()
      const first = one.payments({ id }).run(slow.work)
      const { signal } = await slow.begun
      one.vanish()
      await harness.advance(leaseMs * 1.2)
      // Nobody may take over, so there is no reason to stop.
      expect(signal.aborted).toBe(false)
      expect(await two.payments({ id }).tryRun(() => expect.unreachable())).toEqual({ state: 'unknown' })
      await expect(two.payments({ id }).run(() => expect.unreachable(), { wait: '1h' })).rejects.toMatchObject({
        code: 'ONCE_UNKNOWN',
        outcome: 'unknown',
      })
      slow.end({ id: 1 })
      expect(await first).toEqual({ id: 1 })
      expect(await two.payments({ id }).run(() => expect.unreachable())).toEqual({ id: 1 })
      expect(await two.payments({ id }).forget()).toBe(true)
      expect(await two.payments({ id }).forget()).toBe(false)
      expect(await two.payments({ id }).run(() => ({ id: 2 }))).toEqual({ id: 2 })
    })

    test('a failure is the caller’s own, and by default the next caller runs it again with the same token', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const tokens = new Set<string>()
      const failing = one.payments({ id }).run(({ token }) => {
        tokens.add(token)
        throw new RangeError('the card was refused')
      })
      await expect(failing).rejects.toThrow(RangeError)
      expect(await one.payments({ id }).inspect()).toEqual({ state: 'none' })
      expect(
        await two.payments({ id }).run(({ token }) => {
          tokens.add(token)
          return { id: 2 }
        }),
      ).toEqual({ id: 2 })
      expect(tokens.size).toBe(1)
      expect([...tokens][0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    })

    test.each([{ failures: 'keep' }, { onCrash: 'refuse' }] as const)(
      'a failure that is kept is told to duplicates: %o',
      async options => {
        const [one, two] = await Promise.all([harness.client(options), harness.client(options)])
        const failing = one.payments({ id }).run(() => {
          throw Object.assign(new RangeError('the card was refused'), { code: 'CARD' })
        })
        await expect(failing).rejects.toThrow(RangeError)
        const failure = { name: 'RangeError', message: 'the card was refused', code: 'CARD' }
        expect(await two.payments({ id }).tryRun(() => expect.unreachable())).toEqual({ state: 'failed', failure })
        await expect(two.payments({ id }).run(() => expect.unreachable())).rejects.toMatchObject({
          code: 'ONCE_FAILED',
          cause: failure,
        })
        expect(await two.payments({ id }).inspect()).toMatchObject({ state: 'failed', failure })
      },
    )

    test('a result that cannot be stored is kept as a failure: the work was done', async () => {
      const { payments } = await harness.client()
      const unstorable = payments({ id }).run(() => ({ id: 1n }) as never)
      await expect(unstorable).rejects.toMatchObject({ code: 'VALUE_INVALID' })
      const told = await payments({ id }).tryRun(() => expect.unreachable())
      expect(told).toMatchObject({ state: 'failed', failure: { code: 'VALUE_INVALID' } })
    })

    test('the same key with another payload is refused, whatever became of the first', async () => {
      const { payments } = await harness.client()
      const slow = slowWork()
      const first = payments({ id }).run(slow.work, { payload: { amount: 5, to: 'Ann' } })
      await slow.begun
      const other = () => payments({ id }).tryRun(() => expect.unreachable(), { payload: { amount: 6, to: 'Ann' } })
      expect(await other()).toEqual({ state: 'mismatch' })
      slow.end({ id: 1 })
      await first
      expect(await other()).toEqual({ state: 'mismatch' })
      await expect(payments({ id }).run(() => expect.unreachable(), { payload: 'other' })).rejects.toMatchObject({
        code: 'ONCE_MISMATCH',
        httpStatus: 422,
      })
      const same = payments({ id }).run(() => expect.unreachable(), { payload: { to: 'Ann', amount: 5 } })
      expect(await same).toEqual({ id: 1 })
      expect(await payments({ id }).run(() => expect.unreachable())).toEqual({ id: 1 })
    })

    test('what is known of it can be looked at, and ends with its time to live', async () => {
      const { payments } = await harness.client({ ttl: '700ms' })
      expect(await payments({ id }).inspect()).toEqual({ state: 'none' })
      const slow = slowWork()
      const first = payments({ id }).run(slow.work)
      await slow.begun
      const running = await payments({ id }).inspect()
      expect(running).toMatchObject({ state: 'running', attempt: 1 })
      expect(running.state === 'running' && running.leaseMs).toBeGreaterThan(0)
      slow.end({ id: 1 })
      await first
      const done = await payments({ id }).inspect()
      expect(done).toMatchObject({ state: 'done', attempt: 1, result: { id: 1 } })
      expect(done.state === 'done' && done.remainingMs).toBeGreaterThan(0)
      await harness.advance(750)
      expect(await payments({ id }).run(() => ({ id: 2 }))).toEqual({ id: 2 })
    })

    test('what is forgotten while it runs is lost to who runs it', async () => {
      const { payments } = await harness.client()
      const slow = slowWork()
      const first = payments({ id }).run(slow.work)
      await slow.begun
      expect(await payments({ id }).forget()).toBe(true)
      expect(await payments({ id }).run(() => ({ id: 2 }))).toEqual({ id: 2 })
      slow.end({ id: 1 })
      await expect(first).rejects.toMatchObject({ code: 'ONCE_LOST' })
      expect(await payments({ id }).run(() => expect.unreachable())).toEqual({ id: 2 })
    })

    test('what is forgotten while it runs, and not begun anew, is remembered when it ends', async () => {
      const { payments } = await harness.client()
      const slow = slowWork()
      const first = payments({ id }).run(slow.work, { payload: 'one' })
      await slow.begun
      expect(await payments({ id }).forget()).toBe(true)
      slow.end({ id: 1 })
      expect(await first).toEqual({ id: 1 })
      expect(await payments({ id }).inspect()).toMatchObject({ state: 'done', attempt: 1, result: { id: 1 } })
      expect(await payments({ id }).run(() => expect.unreachable(), { payload: 'one' })).toEqual({ id: 1 })
      const other = payments({ id }).run(() => expect.unreachable(), { payload: 'two' })
      await expect(other).rejects.toMatchObject({ code: 'ONCE_MISMATCH' })
    })

    test.each([{ failures: 'keep' }, { onCrash: 'refuse' }] as const)(
      'what is forgotten while it runs and fails then may run again: %o',
      async options => {
        const { payments } = await harness.client(options)
        const slow = slowWork()
        const first = payments({ id }).run(slow.work)
        await slow.begun
        expect(await payments({ id }).forget()).toBe(true)
        slow.fail(new RangeError('the card was refused'))
        await expect(first).rejects.toThrow(RangeError)
        expect(await payments({ id }).inspect()).toEqual({ state: 'none' })
        expect(await payments({ id }).run(() => ({ id: 2 }))).toEqual({ id: 2 })
      },
    )

    test('who heeds that its operation was lost has not failed, so that another may run it', async () => {
      const { payments, close } = await harness.client({ failures: 'keep' })
      const two = await harness.client({ failures: 'keep' })
      const slow = slowWork()
      const first = payments({ id }).run(slow.work)
      const { signal } = await slow.begun
      const closing = close()
      slow.fail(signal.reason)
      await expect(first).rejects.toMatchObject({ code: 'ONCE_LOST' })
      await closing
      expect(await two.payments({ id }).run(() => ({ id: 2 }))).toEqual({ id: 2 })
    })

    test('the signal of the caller reaches the work', async () => {
      const { payments } = await harness.client()
      const controller = new AbortController()
      const run = payments({ id }).run(
        ({ signal }) => {
          controller.abort(new Error('enough'))
          signal.throwIfAborted()
          return { id: 1 }
        },
        { signal: controller.signal },
      )
      await expect(run).rejects.toThrow('enough')
    })

    test('a claim that asks again is told the same, and takes nothing twice', async () => {
      const { store } = harness
      const claim = createClaim('one')
      const claimed = { state: 'claimed', attempt: 1 }
      expect(await store.claim(harness.call(), key, claim, terms)).toEqual(claimed)
      expect(await store.claim(harness.call(), key, claim, terms)).toEqual(claimed)
      expect(await store.claim(harness.call(), key, createClaim('two'), terms)).toMatchObject({ state: 'running' })
      expect(await store.settle(harness.call(), key, claim, ending('"x"'))).toBe(true)
      expect(await store.settle(harness.call(), key, claim, ending('"y"'))).toBe(true)
      expect(await store.inspect(harness.call(), key)).toMatchObject({ state: 'done', value: '"x"' })
      expect(await store.renew(harness.call(), key, claim, terms)).toBe(false)
      expect(await store.withdraw(harness.call(), key, claim)).toBe(0)
      expect(await store.inspect(harness.call(), key)).toMatchObject({ state: 'done' })
    })

    test('who does not own it can neither renew nor settle nor withdraw it', async () => {
      const { store } = harness
      const [owner, other] = [createClaim('one'), createClaim('on')]
      await store.claim(harness.call(), key, owner, terms)
      expect(await store.renew(harness.call(), key, other, terms)).toBe(false)
      expect(await store.settle(harness.call(), key, other, ending('"x"'))).toBe(false)
      expect(await store.withdraw(harness.call(), key, other)).toBe(0)
      expect(await store.renew(harness.call(), key, owner, terms)).toBe(true)
      expect(await store.withdraw(harness.call(), key, owner)).toBe(0)
      expect(await store.inspect(harness.call(), key)).toEqual({ state: 'none' })
    })

    test('a claim whose time is over is refused and takes nothing', async () => {
      const { store } = harness
      const late = store.claim(harness.call(-5_000), key, createClaim('one'), terms)
      await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
      expect(await store.inspect(harness.call(), key)).toEqual({ state: 'none' })
    })

    test('closing lets no more begin, and tells what is running', async () => {
      const { payments, close } = await harness.client()
      const slow = slowWork()
      const first = payments({ id }).run(slow.work)
      const { signal } = await slow.begun
      const waiter = payments({ id }).run(() => expect.unreachable(), { wait: '1h' })
      const ended = expect(waiter).rejects.toMatchObject({ code: 'CLOSED' })
      await harness.advance(20)
      await close()
      await ended
      expect(signal.reason).toMatchObject({ code: 'ONCE_LOST' })
      await expect(payments({ id: 'b' }).run(() => expect.unreachable())).rejects.toMatchObject({ code: 'CLOSED' })
      slow.fail(new Error('stopped'))
      await expect(first).rejects.toThrow('stopped')
    })

    test('what no verb can take is refused by name, and runs nothing', async () => {
      const { payments } = await harness.client()
      const one = payments({ id })
      const never = () => expect.unreachable()
      const circle: Record<string, unknown> = {}
      circle.self = circle
      const nonsense: [work: () => unknown, message: string][] = [
        [() => payments(undefined as never), "the params of 'pay:<id>' are undefined"],
        [() => one.run(undefined as never), "run() of 'pay:<id>' was given undefined; give it a function"],
        [() => one.tryRun('x' as never), "tryRun() of 'pay:<id>' was given a string"],
        [() => one.run(never, 'now' as never), 'the options are a string'],
        [() => one.run(never, { wiat: '1s' } as never), 'wiat is not an option; did you mean wait?'],
        [() => one.run(never, { wait: 5 as never }), 'wait is 5; write a length of time'],
        [() => one.run(never, { deadline: 'soon' as never }), "deadline is 'soon'"],
        [() => one.run(never, { payload: circle as never }), 'the payload is an object that JSON cannot hold'],
        [() => one.inspect(7 as never), 'the options are a number'],
        [() => one.forget([] as never), 'the options are an array'],
      ]
      for (const [work, message] of nonsense) {
        const said = (async () => work())()
        await expect(said).rejects.toMatchObject({
          name: 'KeyplanError',
          code: 'PARAM_INVALID',
          message: expect.stringContaining(message),
        })
      }
      expect(await one.inspect()).toEqual({ state: 'none' })
    })
  })
}
