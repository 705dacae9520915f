import { expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { bounded } from '../../src/guard/deadline.ts'

const outcome = () => 'unknown' as const
const never = () => new Promise<never>(() => {})

test('it ends as the work does, or with TIMEOUT, or with ABORTED, whichever is first', async () => {
  const clock = handClock()
  expect(await bounded(Promise.resolve(1), 10, { outcome }, clock)).toBe(1)
  await expect(bounded(Promise.reject(new Error('mine')), 10, { outcome }, clock)).rejects.toThrow('mine')
  const late = expect(bounded(never(), 10, { who: 'The loader', outcome }, clock)).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: 'The loader did not answer within 10 ms',
  })
  await clock.advance(10)
  await late
  await expect(bounded(never(), 10, { signal: AbortSignal.abort(), outcome }, clock)).rejects.toMatchObject({
    code: 'ABORTED',
  })
  const controller = new AbortController()
  const leaving = bounded(never(), Number.POSITIVE_INFINITY, { signal: controller.signal, outcome }, clock)
  controller.abort()
  await expect(leaving).rejects.toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
})

test('a time beyond what a timer can count to does not end at once', async () => {
  const work = new Promise(resolve => setTimeout(resolve, 30, 'done'))
  expect(await bounded(work, 10_000 * 86_400_000, { outcome }, realClock)).toBe('done')
})

test('of a process that was blocked, what is already there or on its way counts', async () => {
  const there = bounded(new Promise(resolve => setImmediate(resolve, 'there')), 20, { outcome }, realClock)
  const end = performance.now() + 200
  const onItsWay = bounded(new Promise(resolve => setTimeout(resolve, 201, 'sent')), 100, { outcome }, realClock)
  while (performance.now() < end);
  expect(await Promise.all([there, onItsWay])).toEqual(['there', 'sent'])
})

test('signals that never fire keep no listener', async () => {
  const { signal } = new AbortController()
  const counts = { added: 0, removed: 0 }
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    counts.added++
    addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    counts.removed++
    removeEventListener.apply(signal, args)
  }
  const works = [Promise.resolve(), Promise.reject(new Error('mine')), never()]
  await Promise.allSettled(works.map(work => bounded<unknown>(work, 5, { signal, outcome }, realClock)))
  expect(counts.removed).toBe(counts.added)
  expect(counts.added).toBeGreaterThan(0)
})
