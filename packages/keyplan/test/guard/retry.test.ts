import { expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import { type Clock, handClock } from '../../src/base/clock.ts'
import { type ErrorCode, KeyplanError } from '../../src/base/error.ts'
import { createBreaker } from '../../src/guard/breaker.ts'
import { createRetry } from '../../src/guard/retry.ts'

const terms = { operation: { idempotent: false, write: true }, options: undefined, fallback: false, key: undefined }

function retryOn(clock: Clock) {
  const breaker = createBreaker({ failures: 5, successes: 2, probeEvery: 30_000 }, clock, () => {})
  const retry = createRetry({ attempt: 1_000, deadline: 5_000 }, () => breaker, clock)
  return <T>(work: (call: Call) => Promise<T>) =>
    new Promise<T>((succeeded, failed) => {
      retry({ ...terms, begun: clock.now() }, work, { retried() {}, succeeded, failed })
    })
}
const failed = (code: ErrorCode) => Promise.reject(new KeyplanError(code, code, { outcome: 'not-executed' }))

test('a last try for which there was no time does not hide what the server said before it', async () => {
  const clock = handClock()
  let tries = 0
  const call = retryOn(clock)(() => failed(++tries < 5 ? 'NO_REPLICAS' : 'TIMEOUT'))
  const ended = expect(call).rejects.toMatchObject({ code: 'NO_REPLICAS', outcome: 'not-executed' })
  await clock.advance(6_000)
  await ended
  const silent = expect(retryOn(clock)(() => failed('TIMEOUT'))).rejects.toMatchObject({ code: 'TIMEOUT' })
  await clock.advance(6_000)
  await silent
})

test('the time of a try does not begin before it has been written', async () => {
  const hand = handClock()
  let spent = 0
  const clock: Clock = { ...hand, now: () => hand.now() + spent }
  const call = retryOn(clock)(async call => {
    call.written++
    // A long list of commands is written.
    spent += 1_500
    return new Promise<string>(resolve => hand.after(500, () => resolve('answered')))
  })
  await hand.advance(500)
  expect(await call).toBe('answered')
})
