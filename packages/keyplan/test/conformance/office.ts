import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Leadership, Term } from '../../src/kinds/lock/leadership.ts'
import { expectGrowing, type LockClient, type LockHarness, ttlMs } from './lock.ts'

/** What every lock promises of those who lead, and of what is done once for an interval. */
export function officeConformance(name: string, open: () => Promise<LockHarness>): void {
  describe(`leading and intervals on ${name}`, () => {
    let harness: LockHarness
    const leaderships: Leadership[] = []
    const id = 'a'
    /** Lives so long that no pause of a busy machine ends it. */
    const patient = { ttl: '1m' } as const

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(async () => {
      await Promise.all(leaderships.splice(0).map(leadership => leadership.stop()))
      await harness.close()
    })

    function lead(client: LockClient, work: Term, rest: '1ms' | '1h' = '1ms'): Leadership {
      const leadership = client.locks({ id }).lead(work, { rest })
      leaderships.push(leadership)
      return leadership
    }
    /** Lets time pass in small steps until it is so. */
    async function passUntil(isSo: () => boolean): Promise<void> {
      while (!isSo()) await harness.advance(10)
    }
    const untilTold = ({ signal }: { signal: AbortSignal }) =>
      new Promise<void>(resolve => {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve())
      })
    const told = ({ notices }: LockClient) =>
      notices.map(notice => ('reason' in notice ? `${notice.type}: ${notice.reason}` : notice.type))

    test('one of several leads; when it stops, another is elected, with a larger fence', async () => {
      const clients = await Promise.all([1, 2, 3].map(() => harness.client(patient)))
      const fences: bigint[] = []
      let inside = 0
      let most = 0
      const campaigns = clients.map(client =>
        lead(client, async office => {
          most = Math.max(most, ++inside)
          fences.push(office.fence)
          await untilTold(office)
          inside--
        }),
      )
      for (let term = 1; term <= 3; term++) {
        await passUntil(() => fences.length === term && campaigns.some(one => one.isLeader()))
        const leaders = campaigns.filter(one => one.isLeader())
        expect(leaders).toHaveLength(1)
        expect(leaders[0]!.fence).toBe(fences.at(-1))
        await leaders[0]!.stop()
        expect(leaders[0]!.isLeader()).toBe(false)
      }
      expect(most).toBe(1)
      expectGrowing(fences)
      await Promise.all(campaigns.map(({ ended }) => ended))
      for (const client of clients) expect(told(client)).toEqual(['elected', 'deposed: stopped'])
      expect(await clients[0]!.locks({ id }).isLocked()).toBe(false)
    })

    test('an office that is lost is deposed at once; the next term begins when its work has ended', async () => {
      const client = await harness.client({ renew: false })
      let terms = 0
      let finish = () => {}
      const leadership = lead(client, async () => {
        terms++
        await new Promise<void>(resolve => {
          finish = resolve
        })
      })
      await passUntil(() => told(client).includes('deposed: lost'))
      await harness.advance(ttlMs)
      expect(leadership.isLeader()).toBe(false)
      expect(terms).toBe(1)
      finish()
      await passUntil(() => terms === 2)
      expect(told(client).slice(0, 4)).toEqual(['elected', 'deposed: lost', 'lock-lost', 'elected'])
      const stopped = leadership.stop()
      finish()
      await stopped
    })

    test('work that returns or throws gives the office to others, and campaigns again', async () => {
      const client = await harness.client(patient)
      const failure = new RangeError('the work failed')
      let terms = 0
      const leadership = lead(client, async office => {
        terms++
        if (terms === 2) throw failure
        if (terms === 3) await untilTold(office)
      })
      await passUntil(() => terms === 3)
      await leadership.stop()
      const course = ['elected', 'deposed: resigned', 'elected', 'deposed: failed', 'elected', 'deposed: stopped']
      expect(told(client)).toEqual(course)
      expect(client.notices[3]).toMatchObject({ namespace: 'locks', error: failure, fence: expect.any(BigInt) })
    })

    test('who resigned leaves the office to others for as long as it rests', async () => {
      const [one, two] = await Promise.all([harness.client(patient), harness.client(patient)])
      const resigned = lead(one, () => {}, '1h')
      await passUntil(() => told(one).includes('deposed: resigned'))
      const next = lead(two, untilTold)
      await passUntil(() => next.isLeader())
      expect(resigned.isLeader()).toBe(false)
      await resigned.stop()
      expect(told(one)).toEqual(['elected', 'deposed: resigned'])
    })

    test('a campaign ends with its signal, and with the client', async () => {
      const [one, two] = await Promise.all([harness.client(patient), harness.client(patient)])
      const controller = new AbortController()
      const leader = one.locks({ id }).lead(untilTold, { signal: controller.signal })
      await passUntil(() => leader.isLeader())
      const waiting = lead(two, untilTold)
      await harness.advance(20)
      await two.close()
      await waiting.ended
      controller.abort()
      await leader.ended
      expect(told(two)).toEqual([])
      const late = one.locks({ id }).lead(() => expect.unreachable(), { signal: controller.signal })
      await late.ended
    })

    test('of many who ask in an interval one does the work, and again in the next', async () => {
      const clients = await Promise.all([1, 2, 3].map(() => harness.client(patient)))
      const starts: number[] = []
      const ask = () =>
        Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            clients[index % 3]!.locks({ id }).oncePer('1s', ({ start, fence, signal }) => {
              expect(typeof fence === 'bigint' && !signal.aborted).toBe(true)
              return starts.push(start)
            }),
          ),
        )
      // On a busy machine an interval may end while they ask: then another is done, but none twice.
      while (new Set(starts).size < 2) {
        const results = await ask()
        for (const { nextMs } of results) expect(nextMs > 0 && nextMs <= 1_000).toBe(true)
        await harness.advance(Math.min(...results.map(({ nextMs }) => nextMs)) + 5)
      }
      expect(starts).toEqual([...new Set(starts)].sort((one, other) => one - other))
      expect(starts.every(start => start % 1_000 === 0)).toBe(true)
    })

    test('work that throws is not done again in its interval, or is, as its caller declares', async () => {
      const { locks } = await harness.client(patient)
      const fail = () => Promise.reject(new RangeError('the work failed'))
      await expect(locks({ id }).oncePer('366d', fail)).rejects.toThrow(RangeError)
      expect((await locks({ id }).oncePer('366d', () => expect.unreachable())).ran).toBe(false)

      const rerun = { onCrash: 'rerun' } as const
      await expect(locks({ id: 'b' }).oncePer('366d', fail, rerun)).rejects.toThrow(RangeError)
      expect(await locks({ id: 'b' }).oncePer('366d', () => 5, rerun)).toMatchObject({ ran: true, value: 5 })
      expect((await locks({ id: 'b' }).oncePer('366d', () => expect.unreachable(), rerun)).ran).toBe(false)
      expect(await locks({ id: 'b' }).isLocked()).toBe(false)
    })

    test('the work holds the lock; intervals of other lengths and keys are others', async () => {
      const { locks } = await harness.client(patient)
      const held = (await locks({ id }).tryAcquire())!
      expect((await locks({ id }).oncePer('365d', () => expect.unreachable())).ran).toBe(false)
      await held.release()
      const outcome = await locks({ id }).oncePer('365d', () => locks({ id }).isLocked())
      expect(outcome).toMatchObject({ ran: true, value: true })
      expect((await locks({ id }).oncePer('366d', () => {})).ran).toBe(true)
      expect((await locks({ id: 'b' }).oncePer('365d', () => {})).ran).toBe(true)
    })

    test('what they cannot take is refused by name', async () => {
      const client = await harness.client()
      const local = (await harness.client({ whenDown: 'local' })).locks({ id })
      const lock = client.locks({ id })
      const never = () => expect.unreachable()
      const nonsense: [work: () => unknown, message: string][] = [
        [() => lock.lead(5 as never), "lead() of 'lock:<id>' was given a number; give it a function"],
        [() => lock.lead(never, { rest: 5 as never }), 'rest is 5; write a length of time'],
        [() => lock.lead(never, { reset: '1s' } as never), 'reset is not an option; did you mean rest?'],
        [() => lock.oncePer('10ms', never), 'the interval is 10ms; give one from 1s to 366d'],
        [() => lock.oncePer('hourly' as never, never), "the interval is 'hourly'; write a length of time"],
        [() => lock.oncePer('1h', undefined as never), "oncePer() of 'lock:<id>' was given undefined"],
        [() => lock.oncePer('1h', never, { onCrash: 'retry' as never }), "onCrash is 'retry'; use 'skip' or 'rerun'"],
        [
          () => local.lead(never),
          "lead() needs all processes to agree on one holder: a lock that is declared by lock() with whenDown: 'fail'",
        ],
        [() => local.oncePer('1h', never), 'oncePer() needs all processes to agree'],
      ]
      for (const [work, message] of nonsense) {
        const said = (async () => work())()
        await expect(said).rejects.toMatchObject({ code: 'PARAM_INVALID', message: expect.stringContaining(message) })
      }
      expect(await lock.isLocked()).toBe(false)
    })
  })
}
