import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../src/client/index.ts'
import { definePlan, json, type Message, stream, type Worker } from '../../src/index.ts'
import { until } from '../live-server.ts'

export interface Event {
  readonly n: number
  readonly of?: string
}

const value = json<Event>()
const groups = { workers: { start: '0' }, late: { start: '$' } } as const
/** Short, so that what takes a while in life takes none here. */
const retry = { attempts: 3, delay: '20ms', max: '40ms' } as const

/** @param claimAfter of its streams, and for how long at least a worker may be held up without losing what it has */
const planOf = (claimAfter: '10s' | '300ms') =>
  definePlan('streams', {
    events: stream('events', { value, groups, retry, claimAfter, block: '200ms', batch: 20 }),
    ordered: stream('ordered', { value, groups, retry, block: '200ms', batch: 20 }),
    tenant: stream('tenant:<id>', { value, groups, retry, claimAfter, block: '200ms' }),
    small: stream('small', { value, groups, retry, keep: { entries: 200 }, block: '200ms', batch: 20 }),
    kept: stream('kept', { value, groups, retry, keep: { entries: 200, untilRead: true }, block: '200ms' }),
    once: stream('once', {
      value,
      groups,
      retry,
      claimAfter,
      block: '200ms',
      idempotency: { by: ({ of }) => of ?? '' },
    }),
    /** A third of this is how often it is renewed, half of it how often a group is looked at. */
    brief: stream('brief', { value, groups, retry, claimAfter: '1200ms', block: '200ms', batch: 20 }),
  })

/** No claim of it lapses because a machine stands still for a moment. */
export const streamPlan = planOf('10s')
/** For tests of what follows when claims lapse. */
export const hastyStreamPlan = planOf('300ms')

export type StreamClient = Client<(typeof streamPlan)['namespaces']>

export interface StreamHarness {
  /** Another process. In memory there is one alone: it is given again. */
  client(): Promise<StreamClient>
  close(): Promise<void>
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => ({ n: from + index }))
const sorted = (found: readonly number[]) => [...found].sort((left, right) => left - right)

/** What every stream store and its handle promise. */
export function streamConformance(name: string, open: () => Promise<StreamHarness>): void {
  describe(`stream on ${name}`, () => {
    let harness: StreamHarness
    let redis: StreamClient
    const workers: Worker[] = []
    const started = <W extends Worker>(worker: W) => {
      workers.push(worker)
      return worker
    }

    beforeEach(async () => {
      harness = await open()
      redis = await harness.client()
    })
    afterEach(async () => {
      await Promise.all(workers.splice(0).map(worker => worker.close('100ms')))
      await harness.close()
    })

    test('entries are appended in order, and each group gets all of them from where it begins', async () => {
      const ids = await redis.events.appendMany(numbers(50))
      expect(new Set(ids).size).toBe(50)
      expect(await redis.events.count()).toBe(50)
      const seen: number[] = []
      const late: number[] = []
      started(redis.events.work('workers', ({ value: { n } }) => void seen.push(n), { concurrency: 1 }))
      const other = started(redis.events.work('late', ({ value: { n } }) => void late.push(n), { concurrency: 1 }))
      await until(() => seen.length === 50 && other.health.well)
      await until(async () => (await redis.events.inspect('late')).consumers === 1)
      await redis.events.appendMany(numbers(5, 50))
      await until(() => seen.length === 55 && late.length === 5)
      expect(seen).toEqual(numbers(55).map(({ n }) => n))
      expect(late).toEqual([50, 51, 52, 53, 54])
      await until(async () => (await redis.events.inspect('workers')).pending === 0)
      expect(await redis.events.inspect('workers')).toMatchObject({ lag: 0, pending: 0, deadLetters: 0, length: 55 })
    })

    test('workers of a group share its entries: each is handled by one of them', async () => {
      const others = [redis, await harness.client(), await harness.client()]
      const seen: number[] = []
      const all = others.map(client =>
        started(client.events.work('workers', ({ value: { n } }) => void seen.push(n), { prefetch: 0 })),
      )
      await Promise.all(numbers(300).map(event => redis.events.append(event)))
      await until(() => seen.length >= 300)
      expect(sorted(seen)).toEqual(numbers(300).map(({ n }) => n))
      expect(new Set(all.map(({ consumer }) => consumer)).size).toBe(3)
    })

    test('what is taken together is read as it was written, whatever its characters', async () => {
      const texts = ['plain', 'größer', 'a\nb c', '数据', '', '🙂'.repeat(20), 'x'.repeat(70_000)]
      const seen = new Map<number, string | undefined>()
      started(redis.events.work('workers', ({ value: { n, of } }) => void seen.set(n, of)))
      await redis.events.appendMany(texts.map((of, n) => ({ n, of })))
      await redis.events.appendMany(texts.slice(0, 1).map((of, n) => ({ n: n + texts.length, of })))
      await until(() => seen.size === texts.length + 1)
      expect([...seen].sort(([left], [right]) => left - right).map(([, of]) => of)).toEqual([...texts, 'plain'])
    })

    test('streams of one pattern are apart', async () => {
      const seen: string[] = []
      for (const id of ['a', 'b']) {
        started(redis.tenant({ id }).work('workers', ({ value: { n } }) => void seen.push(`${id}${n}`)))
      }
      await Promise.all([redis.tenant({ id: 'a' }).append({ n: 1 }), redis.tenant({ id: 'b' }).append({ n: 2 })])
      await until(() => seen.length === 2)
      expect(seen.sort()).toEqual(['a1', 'b2'])
    })

    test('what fails is tried again later, holds up no other, and is dead after so many deliveries', async () => {
      const deliveries: number[] = []
      const seen: number[] = []
      const worker = started(
        redis.brief.work('workers', ({ value: { n }, delivery }) => {
          if (n !== 3) return void seen.push(n)
          deliveries.push(delivery)
          throw new RangeError('no threes')
        }),
      )
      await redis.brief.appendMany(numbers(10))
      await until(() => worker.figures.buried === 1)
      expect(deliveries).toEqual([1, 2, 3, 4])
      expect(sorted(seen)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9])
      const dead = await until(async () => {
        const letters = await redis.brief.deadLetters('workers').list()
        return letters.length === 1 && letters
      })
      expect(dead).toMatchObject([
        { value: { n: 3 }, deliveries: 4, cause: { name: 'RangeError', message: 'no threes' } },
      ])
      expect(dead[0]!.cause.trace).toContain('RangeError')
      expect(dead[0]!.at).toBeInstanceOf(Date)
      await until(async () => (await redis.brief.inspect('workers')).pending === 0)
      expect(await redis.brief.inspect('workers')).toMatchObject({ pending: 0, deadLetters: 1 })
      const done = {
        delivered: 13,
        handled: 9,
        failed: 4,
        retried: 3,
        redelivered: 3,
        buried: 1,
        reclaimed: 0,
        skipped: 0,
      }
      const figures = () => redis.$stats().namespaces.brief!.stream!
      expect(figures().groups.workers).toMatchObject({ ...done, lost: 0, missed: 0, workers: 1, held: 0, active: 0 })
      await until(() => figures().groups.workers?.pending === 0 && figures().groups.workers?.lag === 0)
      expect(figures().groups.late).toMatchObject({ delivered: 0, workers: 0, lag: undefined })
      await worker.close()
      // In memory all clients are one, which has appended for other tests as well.
      expect(figures().appended).toBeGreaterThanOrEqual(10)
      expect(figures().groups.workers).toMatchObject({ ...done, workers: 0, pending: undefined })
    })

    test('what is thrown may be anything, and a handler that never returns has failed when its time is over', async () => {
      const worker = started(
        redis.events.work(
          'workers',
          ({ value: { n } }) => {
            if (n === 1) throw JSON.parse('{"not":"an error"}')
            return n === 2 ? new Promise(() => {}) : undefined
          },
          { timeout: '50ms' },
        ),
      )
      await redis.events.appendMany(numbers(4))
      await until(() => worker.figures.buried === 2)
      const dead = await until(async () => {
        const letters = await redis.events.deadLetters('workers').list()
        return letters.length === 2 && letters
      })
      const byNumber = new Map(dead.map(letter => [letter.value?.n, letter]))
      expect(byNumber.get(1)).toMatchObject({ deliveries: 4, cause: { name: 'NonError' } })
      expect(byNumber.get(2)).toMatchObject({ deliveries: 4, cause: { code: 'TIMEOUT' } })
      expect(worker.figures.handled).toBe(2)
    })

    test('a handler whose time is over hears it by its signal', async () => {
      const heard: unknown[] = []
      started(
        redis.events.work(
          'workers',
          ({ signal }) =>
            new Promise(() => signal.addEventListener('abort', () => heard.push((signal.reason as Error).message))),
          { timeout: '50ms' },
        ),
      )
      await redis.events.append({ n: 1 })
      await until(() => heard.length > 0)
      expect(heard[0]).toContain('timeout')
    })

    test('dead letters are sent back to their group alone, or removed', async () => {
      let heal = false
      const seen: Message<Event>[] = []
      const late: number[] = []
      started(redis.events.work('late', ({ value: { n } }) => void late.push(n)))
      await until(async () => (await redis.events.inspect('late')).consumers === 1)
      const worker = started(
        redis.events.work('workers', message => {
          if (!heal) throw new Error('ill')
          seen.push(message)
        }),
      )
      const ids = await redis.events.appendMany(numbers(3))
      await until(async () => (await redis.events.inspect('workers')).deadLetters === 3)
      const letters = redis.events.deadLetters('workers')
      const dead = await letters.list()
      expect(await letters.list({ limit: 2 })).toHaveLength(2)
      expect(await letters.list({ after: dead[0]!.id })).toHaveLength(2)
      expect(await letters.purge([dead[0]!.id])).toBe(1)
      heal = true
      expect(await letters.redrive('all')).toBe(2)
      await until(() => seen.length === 2)
      const left = [0, 1, 2].filter(n => n !== dead[0]!.value!.n)
      expect(sorted(seen.map(({ value }) => value.n))).toEqual(left)
      expect(sorted(seen.map(({ origin }) => ids.indexOf(origin!)))).toEqual(left)
      expect(seen.every(({ delivery }) => delivery === 1)).toBe(true)
      expect(await letters.list()).toEqual([])
      await until(() => worker.figures.held === 0)
      expect(sorted(late)).toEqual([0, 1, 2])
    })

    test('entries of one order are handled one at a time and in order, others beside them', async () => {
      const seen = new Map<string, number[]>()
      const running = new Set<string>()
      let most = 0
      let overlaps = 0
      const worker = started(
        redis.ordered.work(
          'workers',
          async ({ value: { n, of = '' }, delivery }) => {
            if (running.has(of)) overlaps++
            running.add(of)
            most = Math.max(most, running.size)
            await new Promise(resolve => setImmediate(resolve))
            running.delete(of)
            if (n % 10 === 3 && delivery < 3) throw new Error('again')
            seen.set(of, [...(seen.get(of) ?? []), n])
          },
          { orderBy: ({ of = '' }) => of, concurrency: 5, prefetch: 10 },
        ),
      )
      const events = numbers(80).map(({ n }) => ({ n, of: `key${n % 4}` }))
      await redis.ordered.appendMany(events)
      await until(() => worker.figures.handled === 80)
      expect(overlaps).toBe(0)
      expect(most).toBeGreaterThan(1)
      for (let key = 0; key < 4; key++) {
        expect(seen.get(`key${key}`)).toEqual(events.filter(({ of }) => of === `key${key}`).map(({ n }) => n))
      }
    })

    test('in an order also what has to wait for its effect is not overtaken', async () => {
      const done: number[] = []
      const work = ({ value: { n } }: Message<Event>) => {
        if (n === 1) throw new Error('poison')
        done.push(n)
      }
      started(redis.once.work('workers', work, { orderBy: () => 'all' }))
      await redis.once.appendMany([
        { n: 1, of: 'x' },
        { n: 2, of: 'x' },
        { n: 3, of: 'y' },
        { n: 4, of: 'z' },
      ])
      await until(() => done.length === 3)
      expect(done).toEqual([2, 3, 4])
    })

    test('of an ordered group one process works, and the next takes over in order when it ends', async () => {
      const other = await harness.client()
      const seen: string[] = []
      const options = { orderBy: ({ of = '' }: Event) => of, prefetch: 5, concurrency: 2 }
      const first = started(redis.ordered.work('workers', ({ value: { n } }) => void seen.push(`a${n}`), options))
      await until(async () => (await redis.ordered.inspect('workers')).consumers === 1)
      started(other.ordered.work('workers', ({ value: { n } }) => void seen.push(`b${n}`), options))
      await redis.ordered.appendMany(numbers(20))
      await until(() => seen.length === 20)
      expect(seen.every(by => by.startsWith('a'))).toBe(true)
      await first.close()
      await redis.ordered.appendMany(numbers(20, 20))
      await until(() => seen.length === 40)
      expect(seen.slice(20)).toEqual(numbers(20, 20).map(({ n }) => `b${n}`))
    })

    test('a handler of batches gets many at once; when it fails, each of them alone', async () => {
      const batches: number[][] = []
      const worker = started(
        redis.events.work(
          'workers',
          messages => {
            batches.push(messages.map(({ value: { n } }) => n))
            if (messages.some(({ value: { n } }) => n === 5)) throw new Error('five')
          },
          { batch: 10, concurrency: 1 },
        ),
      )
      await redis.events.appendMany(numbers(10))
      await until(() => worker.figures.buried === 1 && worker.figures.handled === 9)
      expect(batches[0]!.length).toBeGreaterThan(1)
      expect(
        batches
          .slice(1)
          .filter(batch => batch.includes(5))
          .every(({ length }) => length === 1),
      ).toBe(true)
    })

    test('a worker that is paused takes nothing, and goes on when it is resumed', async () => {
      const seen: number[] = []
      const worker = started(redis.events.work('workers', ({ value: { n } }) => void seen.push(n)))
      await redis.events.append({ n: 0 })
      await until(() => seen.length === 1)
      worker.pause()
      await until(() => worker.health.state === 'paused')
      await redis.events.append({ n: 1 })
      expect(seen).toEqual([0])
      worker.resume()
      await until(() => seen.length === 2)
    })

    test('what a closing worker has not begun, or does not finish in its grace, is at once for others', async () => {
      const begun: number[] = []
      const worker = redis.events.work(
        'workers',
        ({ value: { n } }) => {
          begun.push(n)
          return new Promise(() => {})
        },
        { concurrency: 2, prefetch: 10 },
      )
      await redis.events.appendMany(numbers(6))
      await until(() => begun.length === 2)
      await worker.close('20ms')
      expect(worker.health.state).toBe('closed')
      const seen: [number, number][] = []
      const other = await harness.client()
      started(other.events.work('workers', ({ value: { n }, delivery }) => void seen.push([n, delivery])))
      await until(() => seen.length === 6)
      expect(seen.every(([, delivery]) => delivery === 1)).toBe(true)
      expect(sorted(seen.map(([n]) => n))).toEqual([0, 1, 2, 3, 4, 5])
    })

    test('a handler that takes longer than a claim keeps its entry', async () => {
      const other = await harness.client()
      const seen: number[] = []
      const slow = async ({ value: { n }, delivery }: Message<Event>) => {
        seen.push(delivery)
        await new Promise(resolve => setTimeout(resolve, n === 0 ? 1_600 : 0))
      }
      const all = [redis, other].map(client => started(client.brief.work('workers', slow)))
      await redis.brief.append({ n: 0 })
      await until(() => all.some(({ figures }) => figures.handled === 1))
      await until(() => all.every(({ figures }) => figures.held === 0))
      expect(seen).toEqual([1])
    })

    test('appends under one key add one entry', async () => {
      const [first, second] = await Promise.all([
        redis.events.append({ n: 1 }, { key: 'delivery-1' }),
        (await harness.client()).events.append({ n: 2 }, { key: 'delivery-1' }),
      ])
      expect(first).toBe(second)
      expect(await redis.events.append({ n: 3 }, { key: 'delivery-2' })).not.toBe(first)
      expect(await redis.events.count()).toBe(2)
    })

    test('what has one effect is handled once', async () => {
      const seen: string[] = []
      const other = await harness.client()
      const all = [redis, other].map(client =>
        started(
          client.once.work('workers', ({ value: { of } }) => void seen.push(of!), { prefetch: 0, concurrency: 1 }),
        ),
      )
      await redis.once.appendMany(numbers(30).map(({ n }) => ({ n, of: `effect${n % 3}` })))
      await until(() => all[0]!.figures.skipped + all[1]!.figures.skipped === 27)
      expect(seen.sort()).toEqual(['effect0', 'effect1', 'effect2'])
    })

    test('an effect that nobody brought about is free again when its entry is given up', async () => {
      const seen: [number, string][] = []
      const worker = started(
        redis.once.work('workers', ({ value: { n }, token }) => {
          if (n === 0) throw new Error('ill')
          seen.push([n, token])
        }),
      )
      await redis.once.append({ n: 0, of: 'given up' })
      await until(async () => (await redis.once.inspect('workers')).deadLetters === 1)
      await redis.once.append({ n: 1, of: 'given up' })
      await until(() => seen.length === 1)
      expect(seen).toEqual([[1, 'given up']])
      expect(worker.figures.skipped).toBe(0)
    })

    test('a stream keeps about as much as it says, and tells how much nobody read', async () => {
      const worker = started(redis.small.work('workers', () => {}, { prefetch: 0, concurrency: 1 }))
      await until(async () => (await redis.small.inspect('workers')).consumers === 1)
      worker.pause()
      await until(() => worker.health.state === 'paused')
      for (let round = 0; round < 10; round++) await redis.small.appendMany(numbers(100))
      const length = await redis.small.count()
      expect(length).toBeGreaterThanOrEqual(200)
      expect(length).toBeLessThan(500)
      worker.resume()
      await until(() => worker.figures.handled === length)
      expect(worker.figures.missed).toBe(1_000 - length)
      expect(worker.health.gaps).toBeGreaterThan(0)
    })

    test('a stream that keeps what is not read loses nothing of it, and shrinks when it is', async () => {
      const seen: number[] = []
      const worker = started(redis.kept.work('workers', ({ value: { n } }) => void seen.push(n)))
      await until(async () => (await redis.kept.inspect('workers')).consumers === 1)
      worker.pause()
      await until(() => worker.health.state === 'paused')
      for (let round = 0; round < 10; round++) await redis.kept.appendMany(numbers(100, round * 100))
      expect(await redis.kept.count()).toBe(1_000)
      worker.resume()
      await until(() => seen.length === 1_000)
      expect(worker.figures.missed).toBe(0)
      await until(async () => (await redis.kept.inspect('workers')).pending === 0)
      for (let round = 0; round < 8; round++) await redis.kept.appendMany(numbers(20))
      await until(async () => {
        await redis.kept.appendMany(numbers(20))
        return (await redis.kept.count()) < 500
      })
    })

    test('a stream that keeps what is not read keeps it for a declared group that nobody has worked for yet', async () => {
      const other = started(redis.kept.work('late', () => {}))
      await until(async () => (await redis.kept.inspect('late')).consumers === 1)
      for (let round = 0; round < 10; round++) await redis.kept.appendMany(numbers(100, round * 100))
      await until(() => other.figures.handled === 1_000 && other.figures.held === 0)
      await redis.kept.append({ n: 1_000 })
      const seen: number[] = []
      const worker = started(redis.kept.work('workers', ({ value: { n } }) => void seen.push(n)))
      await until(() => seen.length === 1_001)
      expect(worker.figures.missed).toBe(0)
    })

    test('wrong groups, handlers and options are told', async () => {
      const work = redis.events.work as (...args: unknown[]) => Worker
      expect(() => work('worker', () => {})).toThrow('did you mean workers?')
      expect(() => work('workers', 'x')).toThrow('give it a function')
      expect(() => work('workers', () => {}, { concurency: 1 })).toThrow('did you mean concurrency?')
      expect(() => work('workers', () => {}, { concurrency: 0 })).toThrow('whole number from 1')
      expect(() => work('workers', () => {}, { orderBy: () => '', batch: 5 })).toThrow('leave batch out')
      await expect(redis.events.append({ n: 1 }, { key: '' })).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      await expect(redis.events.deadLetters('workers').purge(['x'])).rejects.toMatchObject({ code: 'PARAM_INVALID' })
    })

    test('a closed client refuses to work, and its workers have ended', async () => {
      const client = await harness.client()
      const worker = client.tenant({ id: 'z' }).work('workers', () => {})
      await client.$close()
      expect(worker.health.state).toBe('closed')
      expect(() => client.tenant({ id: 'z' }).work('workers', () => {})).toThrow('closed')
    })
  })
}
