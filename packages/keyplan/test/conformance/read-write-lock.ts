import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Lock } from '../../src/kinds/lock/contract.ts'
import type { ReadWriteLockNamespace } from '../../src/kinds/lock/read-write/contract.ts'
import { expectGrowing } from './lock.ts'

/** Clients of one read-write lock that know nothing of each other, or, in memory, one. */
export interface ReadWriteHarness {
  client(options?: { renew?: boolean }): Promise<ReadWriteLockNamespace<'lock:<id>'>>
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

/** Milliseconds that a lease of the harness lives. */
export const leaseMs = 600

const id = 'a'
const drowsy = { attempts: 2, delay: '30m' } as const

/** What every read-write lock promises. */
export function readWriteConformance(name: string, open: () => Promise<ReadWriteHarness>): void {
  describe(`read-write lock on ${name}`, () => {
    let harness: ReadWriteHarness

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    async function waiters(lock: Pick<Lock, 'inspect'>, count: number): Promise<void> {
      while ((await lock.inspect()).waiters < count) await harness.advance(5)
    }

    test('many readers have it at once, and then no writer; one writer, and then nobody else', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const readers = (await Promise.all([
        one({ id }).read.tryAcquire(),
        one({ id }).read.tryAcquire(),
        two({ id }).read.tryAcquire(),
      ]))!
      expect(readers.every(Boolean)).toBe(true)
      expect(await two({ id }).write.tryAcquire()).toBeUndefined()
      expect(await one({ id }).read.inspect()).toMatchObject({ locked: true, readers: 3, holder: undefined })
      expect(await Promise.all(readers.map(held => held!.release()))).toEqual([true, true, true])
      expect(await one({ id }).write.isLocked()).toBe(false)
      const writer = (await one({ id }).write.tryAcquire())!
      expect(writer.fence).toBeGreaterThan(0n)
      expect(await one({ id }).write.tryAcquire()).toBeUndefined()
      expect(await two({ id }).read.tryAcquire()).toBeUndefined()
      expect(await two({ id }).read.inspect()).toMatchObject({
        locked: true,
        readers: 0,
        holder: { fence: writer.fence },
      })
      expect(await writer.release()).toBe(true)
      expect(await two({ id }).read.isLocked()).toBe(false)
    })

    test('a reader that comes after a waiting writer waits behind it, and enters after it', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const reader = (await one({ id }).read.tryAcquire())!
      await reader.extend('1h')
      const order: string[] = []
      const writer = two({ id }).write.run(() => void order.push('writer'), drowsy)
      await waiters(two({ id }).write, 1)
      expect(await one({ id }).read.tryAcquire()).toBeUndefined()
      const late = [one, two, one].map(client => client({ id }).read.run(() => void order.push('reader'), drowsy))
      await waiters(one({ id }).read, 3)
      expect(order).toEqual([])
      await reader.release()
      await Promise.all([writer, ...late])
      expect(order).toEqual(['writer', 'reader', 'reader', 'reader'])
    })

    test('neither readers nor writers starve, none meets the other, and the fences of writers grow', async () => {
      const clients = await Promise.all([harness.client(), harness.client()])
      const fences: bigint[] = []
      let reading = 0
      let writing = 0
      let together = 0
      async function read(number: number): Promise<void> {
        for (let round = 0; round < 6; round++) {
          await clients[number % 2]!({ id }).read.run(
            async () => {
              together = Math.max(together, ++reading)
              expect(writing).toBe(0)
              await turn()
              reading--
            },
            { wait: '25s' },
          )
        }
      }
      async function write(number: number): Promise<void> {
        for (let round = 0; round < 6; round++) {
          await clients[number % 2]!({ id }).write.run(
            async ({ fence }) => {
              fences.push(fence)
              expect([++writing, reading]).toEqual([1, 0])
              await turn()
              writing--
            },
            { wait: '25s' },
          )
        }
      }
      await Promise.all([...[0, 1, 2, 3, 4, 5].map(read), ...[0, 1, 2].map(write)])
      expect(together).toBeGreaterThan(1)
      expect(fences).toHaveLength(18)
      expectGrowing(fences)
    })

    test('the leases of readers end singly, and the last of them frees it for a writer', async () => {
      const [one, two] = await Promise.all([harness.client({ renew: false }), harness.client()])
      const brief = (await one({ id }).read.tryAcquire())!
      await harness.advance(leaseMs / 2)
      const longer = (await one({ id }).read.tryAcquire())!
      const writer = two({ id }).write.acquire({ wait: '20s' })
      await harness.advance(leaseMs * 0.6)
      expect(brief.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
      expect(longer.signal.aborted).toBe(false)
      expect(await brief.release()).toBe(false)
      expect((await two({ id }).read.inspect()).readers).toBe(1)
      await harness.advance(leaseMs)
      expect(await writer).toBeDefined()
      expect(await longer.release()).toBe(false)
    })

    test('a reader is renewed, extended and told when it is lost', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const reader = (await one({ id }).read.tryAcquire())!
      await harness.advance(leaseMs * 1.7)
      expect(reader.signal.aborted).toBe(false)
      expect(await two({ id }).write.tryAcquire()).toBeUndefined()
      expect(await reader.extend('1h')).toBe(true)
      const lost = new Promise(resolve => reader.signal.addEventListener('abort', resolve))
      await harness.advance(20)
      expect(await two({ id }).read.forceRelease({ reason: 'test' })).toMatchObject({ locked: true, readers: 1 })
      await lost
      expect(await reader.release()).toBe(false)
      expect(await two({ id }).write.tryAcquire()).toBeDefined()
    })

    test('a writer that gives up lets the readers behind it in', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const reader = (await one({ id }).read.tryAcquire())!
      const controller = new AbortController()
      const hasty = two({ id }).write.acquire({ ...drowsy, signal: controller.signal })
      const ended = expect(hasty).rejects.toMatchObject({ code: 'ABORTED' })
      await waiters(two({ id }).write, 1)
      const patient = one({ id }).read.acquire({ wait: '20s' })
      await waiters(one({ id }).read, 1)
      controller.abort()
      await ended
      await harness.advance(400)
      expect(await patient).toBeDefined()
      await reader.release()
    })
  })
}
