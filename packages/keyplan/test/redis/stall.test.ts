import { expect, test } from 'vitest'
import { type Clock, handClock } from '../../src/base/clock.ts'
import { watchStall } from '../../src/redis/stall.ts'

function watched(stall = 1_000, pingEvery = 3_000, backlog?: () => number) {
  const clock = handClock()
  const seen = { pings: 0, destroyed: [] as number[] }
  const watch = watchStall(
    'here:1',
    { stall, pingEvery },
    clock,
    () => seen.destroyed.push(clock.now()),
    async () => {
      seen.pings++
      watch.sent()
    },
    backlog,
  )
  return { clock, seen, watch }
}

test('a link is silent for the whole of the stall, and not much longer, before it is given up', async () => {
  const { clock, seen, watch } = watched()
  await clock.advance(240)
  watch.sent()
  await clock.advance(10_000)
  expect(seen.destroyed.length).toBe(1)
  expect(seen.destroyed[0]).toBeGreaterThanOrEqual(1_240)
  expect(seen.destroyed[0]).toBeLessThanOrEqual(1_500)
})

test('bytes of any reply keep it, also while others are waited for', async () => {
  const { clock, seen, watch } = watched()
  watch.sent()
  for (let time = 0; time < 20_000; time += 900) {
    watch.heard()
    await clock.advance(900)
  }
  expect(seen.destroyed).toEqual([])
})

test('an idle link is pinged, and a ping without an answer is a stall', async () => {
  const { clock, seen } = watched()
  await clock.advance(2_900)
  expect(seen.pings).toBe(0)
  await clock.advance(400)
  expect(seen.pings).toBe(1)
  await clock.advance(1_500)
  expect(seen.pings).toBe(1)
  expect(seen.destroyed.length).toBe(1)
})

test('time in which the process could not look is not silence', () => {
  let now = 0
  let look = () => {}
  let destroyed = false
  const blocked: Clock = {
    now: () => now,
    wall: () => now,
    after(_, fire) {
      look = fire
      return { cancel: () => {} }
    },
  }
  const settings = { stall: 1_000, pingEvery: 3_000 }
  const gaveUp = () => {
    destroyed = true
  }
  const watch = watchStall('here:1', settings, blocked, gaveUp, async () => {})
  watch.sent()
  // The timer fires before the sockets are read; then the reply is heard.
  now = 60_000
  look()
  watch.heard()
  watch.settled()
  look()
  expect(destroyed).toBe(false)
})

test('a large value that still leaves keeps it; one of which nothing leaves any more does not', async () => {
  let left = 8_000
  const { clock, seen, watch } = watched(1_000, 3_000, () => left)
  watch.sent()
  for (; left > 1_000; left -= 1_000) await clock.advance(500)
  expect(seen.destroyed).toEqual([])
  await clock.advance(2_000)
  expect(seen.destroyed.length).toBe(1)
})
