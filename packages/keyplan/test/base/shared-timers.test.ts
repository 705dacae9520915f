import { expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { sharingTimers } from '../../src/base/shared-timers.ts'

test('timers fall due in their time and order, whatever their length, and cancelled ones never', async () => {
  const hand = handClock()
  const clock = sharingTimers(hand)
  const fired: string[] = []
  const set = (name: string, ms: number) => clock.after(ms, () => fired.push(`${name} at ${hand.now()}`))
  set('a', 100)
  const b = set('b', 100)
  set('c', 50)
  await hand.advance(30)
  set('d', 100)
  const e = set('e', 100)
  b.cancel()
  await hand.advance(70)
  expect(fired).toEqual(['c at 50', 'a at 100'])
  e.cancel()
  e.cancel()
  await hand.advance(1_000)
  expect(fired).toEqual(['c at 50', 'a at 100', 'd at 130'])
  set('f', 100)
  await hand.advance(100)
  expect(fired.at(-1)).toBe('f at 1200')
})

test('one that is set or cancelled by another that fires is honoured', async () => {
  const hand = handClock()
  const clock = sharingTimers(hand)
  const fired: string[] = []
  clock.after(10, () => {
    fired.push('first')
    second.cancel()
    clock.after(10, () => fired.push('third'))
  })
  const second = clock.after(10, () => fired.push('second'))
  await hand.advance(10)
  expect(fired).toEqual(['first'])
  await hand.advance(10)
  expect(fired).toEqual(['first', 'third'])
})

test('however many are set for one length, the system has one', () => {
  let made = 0
  function after(ms: number, fire: () => void) {
    made++
    return realClock.after(ms, fire)
  }
  const counted = { ...realClock, after }
  const clock = sharingTimers(counted)
  const timers = Array.from({ length: 1_000 }, () => clock.after(1_000, () => {}))
  for (const timer of timers) timer.cancel()
  expect(made).toBe(1)
})
