import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { KeyplanError } from '../../src/base/error.ts'
import { createScout } from '../../src/redis/scout.ts'

/** A scout whose attempts end as the test says. */
function search() {
  const clock = handClock()
  const attempts: { at: number; find(): void; fail(): void }[] = []
  const told: string[] = []
  const scout = createScout<string>({
    attempt: () =>
      new Promise((resolve, reject) => {
        attempts.push({
          at: clock.now(),
          find: () => resolve('link'),
          fail: () => reject(new KeyplanError('DISCONNECTED', 'refused')),
        })
      }),
    found: found => told.push(`found ${found}`),
    discard: found => told.push(`discarded ${found}`),
    failed: (_, count) => told.push(`failed ${count}`),
    backoff: { min: 100, max: 2_000 },
    clock,
  })
  return { clock, attempts, told, scout }
}

test('delays double up to the longest, less a jitter of at most a quarter', async () => {
  const { clock, attempts, scout } = search()
  scout.start()
  while (attempts.length < 9) {
    attempts.at(-1)?.fail()
    await clock.advance(1)
    for (const before = attempts.length; attempts.length === before; ) await clock.advance(1)
  }
  const delays = attempts.slice(1).map(({ at }, index) => at - attempts[index]!.at)
  for (const [index, most] of [100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000].entries()) {
    expect(delays[index]).toBeLessThanOrEqual(most + 2)
    expect(delays[index]).toBeGreaterThanOrEqual(most * 0.75)
  }
})

test('what is found after the stop is discarded', async () => {
  const { clock, attempts, told, scout } = search()
  scout.start()
  scout.stop()
  attempts[0]?.find()
  await clock.advance(60_000)
  expect(told).toEqual(['discarded link'])
  expect(attempts.length).toBe(1)
})

test('started again, it takes what the attempt under way finds: there is only ever one', async () => {
  const { clock, attempts, told, scout } = search()
  scout.start()
  scout.stop()
  scout.start()
  scout.start()
  expect(attempts.length).toBe(1)
  attempts[0]?.find()
  await clock.advance(60_000)
  expect(told).toEqual(['found link'])
})

test('stopped by what hears of a failure, it makes no further attempt until it is started', async () => {
  const { clock, attempts, scout } = search()
  const stopping = createScout<string>({
    attempt: async () => {
      attempts.push({ at: clock.now(), find() {}, fail() {} })
      throw new KeyplanError('DISCONNECTED', 'refused')
    },
    found: () => {},
    discard: () => {},
    failed: () => stopping.stop(),
    backoff: { min: 100, max: 2_000 },
    clock,
  })
  stopping.start()
  await clock.advance(60_000)
  expect(attempts.length).toBe(1)
  stopping.start()
  await clock.advance(60_000)
  expect(attempts.length).toBe(2)
  scout.stop()
})

test('what was lost soon after it was found is looked for after a pause that grows, what lasted at once', async () => {
  const { clock, attempts, scout } = search()
  const pauses: number[] = []
  scout.start()
  for (let loss = 0; loss < 4; loss++) {
    attempts.at(-1)?.find()
    await clock.advance(10)
    const lostAt = clock.now()
    const before = attempts.length
    scout.start()
    while (attempts.length === before) await clock.advance(1)
    pauses.push(clock.now() - lostAt)
  }
  for (const [index, most] of [100, 200, 400, 800].entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(most * 0.75)
    expect(pauses[index]).toBeLessThanOrEqual(most + 1)
  }
  attempts.at(-1)?.find()
  await clock.advance(2_001)
  const before = attempts.length
  scout.start()
  expect(attempts.length).toBe(before + 1)
})
