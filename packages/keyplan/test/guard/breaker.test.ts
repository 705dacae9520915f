import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createBreaker, type Leave } from '../../src/guard/breaker.ts'

function setUp() {
  const clock = handClock()
  const changes: string[] = []
  const breaker = createBreaker({ failures: 5, successes: 2, probeEvery: 30_000 }, clock, state => changes.push(state))
  const leave = (): Leave => {
    const entry = breaker.enter(false)
    if (entry instanceof Promise) throw new Error('it was told to wait')
    return entry
  }
  const trip = () => {
    for (let failure = 0; failure < 5; failure++) leave().failed()
  }
  return { clock, changes, breaker, leave, trip }
}
const refusal = expect.objectContaining({ code: 'BREAKER_OPEN', outcome: 'not-executed' })

test('five failures in a row open it; a success in between starts the count anew', () => {
  const { breaker, leave } = setUp()
  for (let failure = 0; failure < 4; failure++) leave().failed()
  leave().succeeded()
  for (let failure = 0; failure < 4; failure++) leave().failed()
  leave().abandoned()
  expect(breaker.state).toBe('closed')
  leave().failed()
  expect(breaker.state).toBe('open')
  expect(leave).toThrow(refusal)
})

test('a lost link is one failure, however many calls were on it', async () => {
  const { clock, breaker, leave } = setUp()
  for (let loss = 0; loss < 5; loss++) {
    expect(breaker.state).toBe('closed')
    for (const call of Array.from({ length: 50 }, leave)) call.lost()
    await clock.advance(0)
  }
  expect(breaker.state).toBe('open')
})

test('it lets a probe through when the interval is over, and two successes close it', async () => {
  const { clock, changes, breaker, leave, trip } = setUp()
  trip()
  await clock.advance(29_999)
  expect(leave).toThrow(refusal)
  await clock.advance(1)
  leave().succeeded()
  expect(breaker.state).toBe('half-open')
  leave().succeeded()
  expect(changes).toEqual(['open', 'half-open', 'closed'])
})

test('a probe that fails opens it for another interval', async () => {
  const { clock, breaker, leave, trip } = setUp()
  trip()
  await clock.advance(30_000)
  leave().failed()
  expect(breaker.state).toBe('open')
  await clock.advance(29_999)
  expect(leave).toThrow(refusal)
})

test('a link that is back lets a probe through at once, also after ten minutes', async () => {
  const { clock, breaker, leave, trip } = setUp()
  trip()
  for (let probe = 0; probe < 20; probe++) {
    await clock.advance(30_000)
    leave().failed()
  }
  breaker.serverIsBack()
  leave().succeeded()
  leave().succeeded()
  expect(breaker.state).toBe('closed')
})

test('half-open, one probes at a time: the impatient are refused and the patient ask again after its verdict', async () => {
  const { breaker, leave, trip } = setUp()
  trip()
  breaker.serverIsBack()
  const probe = leave()
  expect(probe.probe).toBe(true)
  expect(leave).toThrow(refusal)
  const waiting = breaker.enter(true)
  expect(waiting).toBeInstanceOf(Promise)
  probe.succeeded()
  await waiting
  const next = leave()
  expect(leave).toThrow(refusal)
  next.failed()
  expect(() => breaker.enter(true)).toThrow(refusal)
})

test('where only time has passed nobody waits for the probe, until the server is believed to be back', async () => {
  const { clock, breaker, leave, trip } = setUp()
  trip()
  await clock.advance(30_000)
  const probe = leave()
  expect(() => breaker.enter(true)).toThrow(refusal)
  breaker.serverIsBack()
  const waiting = breaker.enter(true)
  expect(waiting).toBeInstanceOf(Promise)
  probe.abandoned()
  await waiting
  expect(leave().probe).toBe(true)
})

test('who stopped waiting holds nobody up: the leave is given only to who asks again', async () => {
  const { breaker, leave, trip } = setUp()
  trip()
  breaker.serverIsBack()
  const probe = leave()
  const gone = breaker.enter(true)
  probe.abandoned()
  await gone
  leave().succeeded()
  leave().succeeded()
  expect(breaker.state).toBe('closed')
})

test('calls from before it opened decide nothing, and a verdict counts once', () => {
  const { breaker, leave, trip } = setUp()
  const before = Array.from({ length: 10 }, leave)
  trip()
  breaker.serverIsBack()
  const probe = leave()
  for (const call of before) call.failed()
  expect(breaker.state).toBe('half-open')
  for (const call of before) call.succeeded()
  expect(leave).toThrow(refusal)
  probe.succeeded()
  probe.succeeded()
  probe.failed()
  expect(breaker.state).toBe('half-open')
})

test('no more than a thousand wait for a verdict', () => {
  const { breaker, leave, trip } = setUp()
  trip()
  breaker.serverIsBack()
  leave()
  for (let waiter = 0; waiter < 1_000; waiter++) expect(breaker.enter(true)).toBeInstanceOf(Promise)
  expect(() => breaker.enter(true)).toThrow(refusal)
})
