import { expect, test, vi } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'

test('a hand-wound clock stands still until it is wound', async () => {
  const clock = handClock(1_000)
  await clock.advance(0)
  expect([clock.now(), clock.wall()]).toEqual([0, 1_000])
  await clock.advance(250)
  expect([clock.now(), clock.wall()]).toEqual([250, 1_250])
})

test('timers fire in the order of their times, each at its own time, those set meanwhile included', async () => {
  const clock = handClock()
  const fired: string[] = []
  clock.after(30, () => fired.push(`c ${clock.now()}`))
  clock.after(10, () => {
    fired.push(`a ${clock.now()}`)
    clock.after(5, () => fired.push(`b ${clock.now()}`))
  })
  clock.after(31, () => fired.push('late'))
  await clock.advance(30)
  expect(fired).toEqual(['a 10', 'b 15', 'c 30'])
})

test('a cancelled timer stays silent, and may be cancelled again', async () => {
  const clock = handClock()
  const fired: string[] = []
  const timer = clock.after(10, () => fired.push('fired'))
  timer.cancel()
  timer.cancel()
  await clock.advance(20)
  expect(fired).toEqual([])
})

test('promises settle between two timers', async () => {
  const clock = handClock()
  const order: string[] = []
  clock.after(1, () => void Promise.resolve().then(() => order.push('settled')))
  clock.after(2, () => order.push('second'))
  await clock.advance(2)
  expect(order).toEqual(['settled', 'second'])
})

test('the real clock never goes back and fires once', async () => {
  const before = realClock.now()
  let fired = 0
  await new Promise<void>(resolve => {
    realClock.after(1, () => {
      fired++
      resolve()
    })
    // The clock's own timer does not keep the process alive, so this one does.
    setTimeout(resolve, 20_000).unref()
  })
  expect(fired).toBe(1)
  expect(realClock.now()).toBeGreaterThanOrEqual(before)
  let cancelled = true
  realClock
    .after(1, () => {
      cancelled = false
    })
    .cancel()
  await new Promise(resolve => setTimeout(resolve, 5))
  expect(cancelled).toBe(true)
})

test('a timer of more than a month fires when it is due, and not at once', () => {
  vi.useFakeTimers()
  try {
    const fired: string[] = []
    realClock.after(60 * 86_400_000, () => fired.push('long'))
    const cancelled = realClock.after(60 * 86_400_000, () => fired.push('cancelled'))
    realClock.after(Number.POSITIVE_INFINITY, () => fired.push('never'))
    vi.advanceTimersByTime(59 * 86_400_000)
    expect(fired).toEqual([])
    cancelled.cancel()
    vi.advanceTimersByTime(86_400_000)
    expect(fired).toEqual(['long'])
  } finally {
    vi.useRealTimers()
  }
})
