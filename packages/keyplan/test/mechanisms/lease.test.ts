import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { KeyplanError } from '../../src/base/error.ts'
import { createCustody } from '../../src/mechanisms/lease/custody.ts'
import type { Held } from '../../src/mechanisms/lease/held.ts'

const ttlMs = 12_000

/** Leases of a server that can be told not to answer. */
async function custodyOf(count: number) {
  const clock = handClock()
  const notices: { type: string; error?: unknown }[] = []
  let fences = 0
  const asked: number[] = []
  let extend = async (ttl: number): Promise<number | undefined> => clock.now() + ttl
  let release = async () => true
  const custody = createCustody<{ key: string }>(
    {
      noun: 'lock',
      ttlMs,
      renew: true,
      steps: {
        acquire: async () => ({ granted: true, fence: String(++fences), until: clock.now() + ttlMs, degraded: false }),
        extend(_, __, ttl) {
          asked.push(ttl)
          return extend(ttl)
        },
        release: () => release(),
        withdraw: async () => 0,
      },
    },
    { name: 'things', clock, instance: 'test', notify: notice => notices.push(notice) },
  )
  const held: Held[] = []
  for (let index = 0; index < count; index++)
    held.push((await custody.ask({ key: `${index}` }, {}, undefined, () => undefined))!)
  return {
    clock,
    notices,
    custody,
    held,
    asked,
    answer(by: (ttl: number) => Promise<number | undefined>) {
      extend = by
    },
    releaseBy(by: () => Promise<boolean>) {
      release = by
    },
  }
}

const refused = () => Promise.reject(new KeyplanError('DISCONNECTED', 'there is no link'))
const silent = () => new Promise<never>(() => {})

test.each([
  ['refuses', refused],
  ['is silent', silent],
])('a server that %s renewals: told once for an outage, counted, and told anew of the next one', async (_, failing) => {
  const { clock, notices, custody, held, answer } = await custodyOf(3)
  const outage = async () => {
    answer(failing)
    // A renewal is due after a third of the time to live; a silent one counts as failed after a sixth more.
    await clock.advance(ttlMs / 3 + ttlMs / 6 + 1)
    answer(async () => clock.now() + ttlMs)
    await clock.advance(ttlMs / 6)
  }
  await outage()
  expect(notices).toMatchObject([
    {
      type: 'lock-renewal-failed',
      namespace: 'things',
      mark: expect.stringMatching(/^#[0-9a-f]{8}$/),
      error: { name: 'KeyplanError' },
    },
  ])
  const { renewalFailures } = custody.figures()
  expect(renewalFailures).toBeGreaterThanOrEqual(3)
  await outage()
  expect(notices.map(({ type }) => type)).toEqual(['lock-renewal-failed', 'lock-renewal-failed'])
  expect(custody.figures().renewalFailures).toBeGreaterThanOrEqual(renewalFailures + 3)
  expect(custody.figures()).toMatchObject({ held: 3, acquired: 3, lost: 0 })
  expect(held.every(({ signal }) => !signal.aborted)).toBe(true)
})

test('when no renewal comes through it is lost while a tenth of its time is left', async () => {
  const { clock, notices, custody, held, answer } = await custodyOf(1)
  answer(refused)
  await clock.advance(ttlMs * 0.9 - 1)
  expect(held[0]!.signal.aborted).toBe(false)
  await clock.advance(1)
  expect(held[0]!.signal.reason).toMatchObject({
    code: 'LOCK_LOST',
    message: expect.stringContaining('The lock things'),
  })
  expect(notices.map(({ type }) => type)).toEqual(['lock-renewal-failed', 'lock-lost'])
  expect(custody.figures()).toMatchObject({ held: 0, lost: 1 })
})

test('a release that fails is told of what was held, and not of what was lost before', async () => {
  const { clock, notices, held, answer, releaseBy } = await custodyOf(2)
  releaseBy(refused)
  await held[0]![Symbol.asyncDispose]()
  expect(notices.map(({ type }) => type)).toEqual(['lock-release-failed'])
  answer(refused)
  await clock.advance(ttlMs)
  await held[1]![Symbol.asyncDispose]()
  expect(notices.map(({ type }) => type).slice(1)).toEqual(['lock-renewal-failed', 'lock-lost'])
})

test('an answer that comes late is as good as one in time', async () => {
  const { clock, held, answer } = await custodyOf(1)
  let late = (_: number) => {}
  answer(() => new Promise(resolve => (late = resolve)))
  await clock.advance(ttlMs / 3 + ttlMs / 10)
  late(clock.now() + ttlMs)
  await clock.advance(ttlMs / 6)
  expect(held[0]!.remaining()).toBeGreaterThan(ttlMs / 2)
})

const hourMs = 3_600_000

test('a renewal that is due while another time to live is asked for asks for that one', async () => {
  const { clock, held, asked, answer } = await custodyOf(1)
  const answers: (() => void)[] = []
  answer(ttl => new Promise(resolve => answers.push(() => resolve(clock.now() + ttl))))
  const extended = held[0]!.extend('1h')
  await clock.advance(ttlMs / 3)
  expect(asked).toEqual([hourMs, hourMs])
  for (const give of answers) give()
  expect(await extended).toBe(true)
  await clock.advance(hourMs / 3 + 1)
  expect(asked).toEqual([hourMs, hourMs, hourMs])
})

test.each([
  ['is answered', async (until: number) => until],
  ['fails', () => Promise.reject(new KeyplanError('TIMEOUT', 'no answer', { outcome: 'unknown' }))],
])(
  'a renewal that %s after a longer time to live was confirmed does not count as it: that is asked for again',
  async (_, late) => {
    const { clock, held, asked, answer } = await custodyOf(1)
    let arrive = () => {}
    answer(ttl => {
      const certain = clock.now() + ttl
      return new Promise<void>(resolve => (arrive = resolve)).then(() => late(certain))
    })
    await clock.advance(ttlMs / 3)
    answer(async ttl => clock.now() + ttl)
    expect(await held[0]!.extend('1h')).toBe(true)
    expect(asked).toEqual([ttlMs, hourMs])
    let again = () => {}
    answer(ttl => new Promise(resolve => (again = () => resolve(clock.now() + ttl))))
    arrive()
    await clock.advance(1)
    expect(asked).toEqual([ttlMs, hourMs, hourMs])
    expect(held[0]!.remaining()).toBeLessThanOrEqual(ttlMs)
    again()
    await clock.advance(1)
    expect(held[0]!.remaining()).toBeGreaterThan(hourMs - 1_000)
  },
)

test('a longer time to live that could not be had is not what renewals ask for', async () => {
  const { clock, held, asked, answer } = await custodyOf(1)
  answer(refused)
  await expect(held[0]!.extend('1h')).rejects.toMatchObject({ code: 'DISCONNECTED' })
  answer(async ttl => clock.now() + ttl)
  await clock.advance(ttlMs / 3)
  expect(asked).toEqual([hourMs, ttlMs])
})
