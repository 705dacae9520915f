import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConcurrencyNamespace, ConcurrencyOptions, Permit, Refusal } from '../../src/index.ts'

export type PermitLimitOptions = Omit<ConcurrencyOptions<never>, 'algorithm'>

/** One store under test, and clients of it that know nothing of each other. */
export interface PermitHarness {
  client(options: PermitLimitOptions): Promise<ConcurrencyNamespace>
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export const held = (permit: Permit | Refusal): Permit => {
  if (!permit.allowed) throw new Error('the permit was refused')
  return permit
}

/** What every store of permits and its handle promise. */
export function permitConformance(name: string, open: () => Promise<PermitHarness>): void {
  describe(`permits on ${name}`, () => {
    let harness: PermitHarness
    const id = 'a'

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    test('as many are held at once as the limit says, however many ask', async () => {
      const clients = [await harness.client({ limit: 5 }), await harness.client({ limit: 5 })]
      const asked = await Promise.all(Array.from({ length: 40 }, (_, at) => clients[at % 2]!({ id }).acquire()))
      const got = asked.filter(({ allowed }) => allowed).map(held)
      expect(got).toHaveLength(5)
      const refused = asked.find(({ allowed }) => !allowed)!
      expect(refused).toMatchObject({ limit: 5, remaining: 0 })
      expect(refused.retryAfterMs).toBeGreaterThan(0)
      expect(await clients[0]!({ id: 'b' }).peek()).toMatchObject({ allowed: true, remaining: 5, resetMs: 0 })
      await Promise.all(got.map(permit => permit.release()))
      expect(await clients[0]!({ id }).peek()).toMatchObject({ allowed: true, remaining: 5, retryAfterMs: 0 })
    })

    test('a permit ends with its block, and releasing twice or late frees nobody else’s', async () => {
      const exports = (await harness.client({ limit: 1 }))({ id })
      let first: Permit | Refusal
      {
        await using slot = await exports.acquire()
        first = slot
        expect(slot).toMatchObject({ allowed: true, remaining: 0 })
        await using other = await exports.acquire()
        expect(other.allowed).toBe(false)
      }
      const second = held(await exports.acquire())
      await held(first).release()
      expect(await exports.peek()).toMatchObject({ allowed: false })
      await second.release()
    })

    test('it is renewed for as long as it is held', async () => {
      const client = await harness.client({ limit: 1, lease: '1s' })
      const permit = held(await client({ id }).acquire())
      // Pieces, so that the renewals come in between.
      for (let piece = 0; piece < 8; piece++) await harness.advance(200)
      expect(permit.signal.aborted).toBe(false)
      expect(await client({ id }).acquire()).toMatchObject({ allowed: false })
      await permit.release()
    })

    test('a permit that was ended from outside is known to be lost when it is renewed', async () => {
      const client = await harness.client({ limit: 1 })
      const permit = held(await client({ id }).acquire())
      expect(await permit.renew()).toBe(true)
      await client({ id }).reset()
      expect(await permit.renew()).toBe(false)
      expect(permit.signal.aborted).toBe(true)
      expect(permit.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
      expect(await permit.renew()).toBe(false)
    })

    test('who waits gets it in the order of asking, as soon as one is released', async () => {
      const client = await harness.client({ limit: 1 })
      const first = held(await client({ id }).acquire())
      const order: number[] = []
      const waiting = [1, 2, 3].map(async at => {
        const permit = held(await client({ id }).acquire({ wait: '20s' }))
        order.push(at)
        await permit.release()
      })
      const short = client({ id }).acquire({ wait: '1ms' })
      await harness.advance(2)
      expect(await short).toMatchObject({ allowed: false })
      await first.release()
      await Promise.all(waiting)
      expect(order).toEqual([1, 2, 3])
    })

    test('one of another process is woken by a release', async () => {
      const one = await harness.client({ limit: 1 })
      const other = await harness.client({ limit: 1 })
      const first = held(await one({ id }).acquire())
      const waiting = other({ id }).acquire({ wait: '20s' })
      await other({ id }).peek()
      await first.release()
      await harness.advance(50)
      await held(await waiting).release()
    })

    test('a signal ends the waiting, and nonsense is refused', async () => {
      const client = await harness.client({ limit: 1 })
      const first = held(await client({ id }).acquire())
      const stop = new AbortController()
      const waiting = client({ id }).acquire({ wait: '1h', signal: stop.signal })
      await client({ id }).peek()
      stop.abort()
      await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
      await expect(client({ id }).acquire({ wait: 5 as never })).rejects.toThrow('wait is 5')
      await expect(client({ id }).acquire({ cost: 5 } as never)).rejects.toThrow('cost is not an option')
      await expect(client({ id }).acquire(5 as never)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      await first.release()
    })
  })
}
