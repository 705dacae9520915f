import { expect, test, vi } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import { handClock } from '../../src/base/clock.ts'
import { type ErrorCode, KeyplanError, type Outcome } from '../../src/base/error.ts'
import { createBreaker } from '../../src/guard/breaker.ts'
import { createBareGuard, createGuard } from '../../src/guard/guard.ts'
import { createTally } from '../../src/guard/tally.ts'

const subject = { namespace: 'profile', name: 'read', operation: { idempotent: false, write: true } }
const idempotent = { ...subject, operation: { idempotent: true, write: true } }

function setUp(deadline = 5_000) {
  const clock = handClock()
  const breaker = createBreaker({ failures: 5, successes: 2, probeEvery: 30_000 }, clock, () => {})
  const fellBack = vi.fn()
  const guard = createGuard({
    patience: { attempt: 1_000, deadline },
    breakerOf: () => breaker,
    tally: createTally(),
    clock,
    fellBack,
  })
  return { clock, breaker, guard, fellBack }
}
const failure = (code: ErrorCode, outcome: Outcome = 'not-executed') => new KeyplanError(code, code, { outcome })
const fails = (code: ErrorCode, outcome?: Outcome) =>
  vi.fn(async (_: Call): Promise<string> => {
    throw failure(code, outcome)
  })
/** Sent, and never answered. */
const silent = vi.fn((call: Call) => {
  call.written++
  return new Promise<never>(() => {})
})
const settled = <T>(promise: Promise<T>) => promise.catch(error => error as KeyplanError)

test.each(['DISCONNECTED', 'TIMEOUT', 'OVERLOADED', 'READONLY', 'LOADING', 'OUT_OF_MEMORY', 'AUTH_FAILED'] as const)(
  'the fallback answers for %s, without another try',
  async code => {
    const { guard, fellBack } = setUp()
    const work = fails(code)
    expect(await guard.run(subject, undefined, work, async () => 'made up')).toBe('made up')
    expect(work).toHaveBeenCalledTimes(1)
    expect(fellBack).toHaveBeenCalledExactlyOnceWith(subject, expect.objectContaining({ code }))
  },
)

test.each(['WRONG_TYPE', 'NO_PERMISSION', 'SERVER', 'VALUE_INVALID', 'ABORTED', 'CLOSED', 'CROSS_SLOT'] as const)(
  'no fallback hides %s, and it is not tried again',
  async code => {
    const { guard, breaker } = setUp()
    const fallback = vi.fn(async () => 'made up')
    const work = fails(code)
    for (let call = 0; call < 10; call++) {
      await expect(guard.run(idempotent, undefined, work, fallback)).rejects.toMatchObject({
        code,
        namespace: 'profile',
        operation: 'read',
        outcome: 'not-executed',
      })
    }
    expect(work).toHaveBeenCalledTimes(10)
    expect(fallback).not.toHaveBeenCalled()
    expect(breaker.state).toBe('closed')
  },
)

test('a bug in the work is thrown as it is', async () => {
  const { guard } = setUp()
  const bug = new TypeError('bug')
  const throwing = () => {
    throw bug
  }
  await expect(guard.run(subject, undefined, throwing, async () => 'made up')).rejects.toBe(bug)
})

test('what is not known to have failed is tried again only if it is idempotent', async () => {
  const { guard } = setUp()
  const once = fails('DISCONNECTED', 'unknown')
  await expect(guard.run(subject, undefined, once)).rejects.toMatchObject({ outcome: 'unknown' })
  expect(once).toHaveBeenCalledTimes(1)
  const twice = vi.fn().mockRejectedValueOnce(failure('DISCONNECTED', 'unknown')).mockResolvedValueOnce('done')
  expect(await guard.run(idempotent, undefined, twice)).toBe('done')
})

test('a server that refuses for now is asked again after pauses that grow, until the deadline', async () => {
  const { guard, clock } = setUp()
  const work = fails('LOADING')
  const call = settled(guard.run(subject, undefined, work))
  await clock.advance(5_000)
  expect(await call).toMatchObject({ code: 'LOADING', outcome: 'not-executed' })
  expect(work.mock.calls.length).toBeGreaterThan(8)
  expect(work.mock.calls.length).toBeLessThan(20)
})

test('a call that may have run once ends as unknown, whatever its last try says', async () => {
  const { guard, clock } = setUp()
  const work = fails('LOADING')
  work.mockRejectedValueOnce(failure('DISCONNECTED', 'unknown'))
  const call = settled(guard.run(idempotent, undefined, work))
  await clock.advance(5_000)
  expect(await call).toMatchObject({ code: 'LOADING', outcome: 'unknown', namespace: 'profile' })
})

test('a try ends after its time, a call at its deadline, and both say what became of it', async () => {
  const { guard, clock } = setUp()
  const written = settled(guard.run(subject, undefined, silent))
  await clock.advance(1_000)
  expect(await written).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', operation: 'read' })

  const repeated = settled(guard.run(idempotent, undefined, silent))
  silent.mockClear()
  await clock.advance(5_000)
  expect(await repeated).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
  expect(silent.mock.calls.length).toBeGreaterThanOrEqual(4)

  const held = settled(guard.run(subject, { deadline: '3s' }, () => new Promise<never>(() => {})))
  await clock.advance(3_000)
  expect(await held).toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
})

test('a held call that is written late still has the time of a try', async () => {
  const { guard, clock } = setUp()
  let answer = (_: string) => {}
  const call = guard.run(subject, undefined, call => {
    clock.after(2_990, () => {
      call.written++
      clock.after(500, () => answer('late but there'))
    })
    return new Promise<string>(resolve => {
      answer = resolve
    })
  })
  await clock.advance(4_000)
  expect(await call).toBe('late but there')
})

test('link failures open the breaker; callers who leave or have no patience do not', async () => {
  const { guard, breaker, clock } = setUp()
  for (let call = 0; call < 20; call++) {
    const hasty = settled(guard.run(subject, { deadline: '20ms' }, silent))
    const controller = new AbortController()
    const leaving = settled(guard.run(subject, { signal: controller.signal }, silent))
    const brief = { ...subject, operation: { ...subject.operation, attempt: 100 } }
    const fallingBack = guard.run(brief, undefined, silent, async () => 'made up')
    controller.abort()
    await clock.advance(100)
    expect([(await hasty).code, (await leaving).code, await fallingBack]).toEqual(['TIMEOUT', 'ABORTED', 'made up'])
  }
  expect(breaker.state).toBe('closed')
  for (let call = 0; call < 5; call++) {
    const waiting = settled(guard.run(subject, undefined, silent))
    await clock.advance(1_000)
    expect((await waiting).code).toBe('TIMEOUT')
  }
  expect(breaker.state).toBe('open')
  await expect(guard.run(subject, undefined, silent)).rejects.toMatchObject({ code: 'BREAKER_OPEN' })
})

test('what the server refused, and had no time left for, does not speak against it', async () => {
  const { guard, breaker, clock } = setUp()
  for (let call = 0; call < 10; call++) {
    const work = vi.fn(() => new Promise<never>(() => {})).mockRejectedValueOnce(failure('TRY_AGAIN'))
    const refused = settled(guard.run(subject, undefined, work))
    await clock.advance(5_000)
    expect(await refused).toMatchObject({ code: 'TRY_AGAIN', outcome: 'not-executed' })
  }
  expect(breaker.state).toBe('closed')
})

test('neither a probe whose caller leaves nor a waiter who does keeps the breaker half-open', async () => {
  const { guard, breaker, clock } = setUp()
  for (let loss = 0; loss < 5; loss++) {
    await settled(guard.run(subject, undefined, fails('DISCONNECTED', 'unknown')))
    await clock.advance(0)
  }
  breaker.serverIsBack()
  const prober = new AbortController()
  const waiter = new AbortController()
  const probe = settled(guard.run(subject, { signal: prober.signal }, silent))
  const waiting = settled(guard.run(subject, { signal: waiter.signal }, silent))
  const patient = guard.run(subject, undefined, async () => 'patient')
  await clock.advance(0)
  waiter.abort()
  expect(await waiting).toMatchObject({ code: 'ABORTED', outcome: 'not-executed' })
  prober.abort()
  expect((await probe).code).toBe('ABORTED')
  expect(await patient).toBe('patient')
  expect(await guard.run(subject, undefined, async () => 'next')).toBe('next')
  expect(breaker.state).toBe('closed')
})

test('a call with a fallback does not wait for a link, unless its operation says so', async () => {
  const { guard } = setUp()
  const terms: Call[] = []
  const note = async (call: Call) => void terms.push(call)
  await guard.run(subject, undefined, note)
  await guard.run(subject, undefined, note, note)
  const holding = { ...subject, operation: { ...subject.operation, attempt: 250, hold: true } }
  await guard.run(holding, undefined, note, note)
  expect(terms).toMatchObject([
    { hold: true, expires: 1_000, heldUntil: 5_000 },
    { hold: false, expires: 1_000, heldUntil: undefined },
    { hold: 'blip', expires: 250, heldUntil: undefined },
  ])
})

test('a deadline that is no length of time is refused', async () => {
  const { guard } = setUp()
  const call = guard.run(subject, { deadline: '5 seconds' as never }, silent)
  await expect(call).rejects.toMatchObject({ code: 'PARAM_INVALID', namespace: 'profile' })
})

test('the guard of stores in memory honours the signal and names its errors', async () => {
  const guard = createBareGuard()
  const work = vi.fn(async () => 'done')
  expect(await guard.run(subject, undefined, work)).toBe('done')
  await expect(guard.run(subject, { signal: AbortSignal.abort() }, work)).rejects.toMatchObject({ code: 'ABORTED' })
  expect(work).toHaveBeenCalledTimes(1)
  await expect(guard.run(subject, undefined, fails('OUT_OF_MEMORY'))).rejects.toMatchObject({ namespace: 'profile' })
})

test.each([
  ['breaker open, refused', 'BREAKER_OPEN', 'open', undefined],
  ['breaker open, answered by the fallback', 'BREAKER_OPEN', 'open', async () => 'made up'],
  ['client closed', 'CLOSED', 'closed', undefined],
] as const)('who asks again at once does not keep the event loop to himself: %s', async (_, code, state, fallback) => {
  const { guard, breaker } = setUp()
  const work = fails(code === 'CLOSED' ? code : 'DISCONNECTED')
  for (let failure = 0; failure < 5; failure++) {
    await settled(guard.run(subject, undefined, work, async () => 'made up'))
  }
  expect(breaker.state).toBe(state)
  let rang = false
  setTimeout(() => {
    rang = true
  }, 5)
  for (let calls = 0; !rang && calls < 100_000; calls++) await settled(guard.run(subject, undefined, work, fallback))
  expect(rang).toBe(true)
})
