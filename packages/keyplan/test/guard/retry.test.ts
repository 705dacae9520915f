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

test('who could not be reached is named, with the whole deadline and why there is no link', async () => {
  const clock = handClock()
  const cause = new KeyplanError('DISCONNECTED', 'ECONNREFUSED')
  const whom = () => ({ name: 'Redis at here:6379', error: cause })
  const breaker = createBreaker({ failures: 2, successes: 2, probeEvery: 30_000 }, clock, () => {}, whom)
  const retry = createRetry({ attempt: 1_000, deadline: 5_000 }, () => breaker, clock, whom)
  const ask = (work: (call: Call) => Promise<never>) =>
    new Promise((succeeded, failed) => {
      retry({ ...terms, begun: clock.now() - 6 }, work, { retried() {}, succeeded, failed })
    })
  const held = ask(() => new Promise(() => {}))
  const said = 'Redis at here:6379 could not be reached by the deadline of 5000 ms; nothing was sent'
  const ended = expect(held).rejects.toMatchObject({ code: 'TIMEOUT', message: said, cause })
  await clock.advance(6_000)
  await ended
  const written = ask(call => {
    call.written++
    return new Promise(() => {})
  })
  const silent = 'Redis at here:6379 did not answer within 1000 ms'
  const unanswered = expect(written).rejects.toMatchObject({ code: 'TIMEOUT', message: silent, cause })
  await clock.advance(2_000)
  await unanswered
  await expect(ask(() => new Promise(() => {}))).rejects.toMatchObject({
    code: 'BREAKER_OPEN',
    message: 'Redis at here:6379 did not answer the last calls; the circuit breaker is open',
    cause,
  })
})

test('a probe that fails before it has asked anything does not keep the breaker half-open', async () => {
  const clock = handClock()
  const breaker = createBreaker({ failures: 1, successes: 1, probeEvery: 30_000 }, clock, () => {})
  const retry = createRetry({ attempt: 1_000, deadline: 5_000 }, () => breaker, clock)
  const ask = <T>(work: () => Promise<T>) =>
    new Promise<T>((succeeded, failed) => {
      retry({ ...terms, begun: clock.now() }, work, { retried() {}, succeeded, failed })
    })
  await expect(ask(() => Promise.reject(new KeyplanError('TIMEOUT', '', { outcome: 'unknown' })))).rejects.toBeDefined()
  breaker.serverIsBack()
  const bug = () => {
    throw new TypeError('not written in the right way')
  }
  await expect(ask(bug)).rejects.toThrow(TypeError)
  expect(breaker.state).toBe('half-open')
  expect(await ask(async () => 'answered')).toBe('answered')
  expect(breaker.state).toBe('closed')
})
