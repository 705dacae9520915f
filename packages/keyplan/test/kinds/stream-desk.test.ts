import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { KeyplanError } from '../../src/base/error.ts'
import { createDesk } from '../../src/kinds/stream/desk.ts'
import { Held } from '../../src/kinds/stream/held.ts'

const superseded = new KeyplanError('ABORTED', 'another has it')

function setUp() {
  const clock = handClock()
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const desk = createDesk({
    work: { concurrency: 10, batch: undefined, timeoutMs: 60_000 },
    claimAfterMs: 1_000,
    namespace: 'events',
    clock,
    handler(given) {
      const { id } = given as Held
      begun.push(id)
      return new Promise<void>(resolve => ends.set(id, resolve))
    },
    ended: held => desk.line.ended(held, false),
    room: () => {},
  })
  const held = (id: string) => {
    const given = { id, number: 1, value: '', suspect: false, exhausted: false, origin: undefined, cause: undefined }
    return new Held(given, undefined, 'one order', undefined, clock.now())
  }
  const end = async (id: string) => {
    ends.get(id)?.()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { clock, desk, begun, end, held }
}

test('what has ended, and is given to another before the server knows, frees nobody of its order', async () => {
  const { desk, begun, end, held } = setUp()
  const [first, second, third] = [held('1-0'), held('2-0'), held('3-0')]
  for (const one of [first, second, third]) desk.add(one)
  desk.pump()
  await end('1-0')
  expect(begun).toEqual(['1-0', '2-0'])
  desk.abandon(first, superseded)
  expect(begun).toEqual(['1-0', '2-0'])
  await end('2-0')
  expect(begun).toEqual(['1-0', '2-0', '3-0'])
})

test('what runs and comes back is begun again before what follows it', async () => {
  const { desk, begun, held } = setUp()
  const [first, second] = [held('1-0'), held('2-0')]
  for (const one of [first, second]) desk.add(one)
  desk.pump()
  desk.abandon(first, superseded, true)
  expect(begun).toEqual(['1-0'])
  desk.add(held('1-0'))
  desk.pump()
  expect(begun).toEqual(['1-0', '1-0'])
})

test('what may be another’s by now is begun when its claim is renewed', async () => {
  const { clock, desk, begun, held } = setUp()
  const one = held('1-0')
  await clock.advance(1_000)
  desk.add(one)
  desk.pump()
  expect(begun).toEqual([])
  one.claimedAt = clock.now()
  desk.pump()
  expect(begun).toEqual(['1-0'])
})
