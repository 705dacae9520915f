import { beforeEach, describe, expect, test } from 'vitest'
import { type HandClock, handClock } from '../../src/base/clock.ts'
import { type Caller, createAudience, createCaller } from '../../src/kinds/cache/audience.ts'
import { heldTurn } from '../../src/kinds/cache/held-turn.ts'
import { createTurns, type Turns } from '../../src/kinds/cache/turns.ts'
import { deferred } from '../conformance/deferred.ts'

const never = Number.POSITIVE_INFINITY

describe('the turns of loaders', () => {
  let clock: HandClock
  let begun: string[]
  beforeEach(() => {
    clock = handClock()
    begun = []
  })
  const lineOf = (atOnce = 1) => createTurns({ source: 'value:<id>', atOnce, patience: never, clock })

  /** What asks for a turn, and goes on with `work` when it has come. */
  function asking(line: Turns, name: string, work: () => Promise<unknown> = async () => name, until = never) {
    const caller = createCaller(heldTurn(), until)
    const audience = createAudience()
    audience.join(caller)
    const begin = () => {
      begun.push(name)
      return work()
    }
    return { caller, audience, result: line.take(begin, audience) }
  }
  const join = (audience: ReturnType<typeof createAudience>): Caller => {
    const caller = createCaller(heldTurn(), never)
    audience.join(caller)
    return caller
  }

  test('come in order, and no turn for whom nobody waits any more', async () => {
    const line = lineOf()
    const gate = deferred<unknown>()
    const first = asking(line, 'first', () => gate.promise)
    const others = ['second', 'left alone', 'fourth'].map(name => asking(line, name))
    const [, alone] = others
    const stays = join(alone!.audience)
    alone!.caller.leave()
    expect(alone!.audience.over).toBe(false)
    stays.leave()
    await expect(alone!.result).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
    expect(alone!.audience.over).toBe(true)
    gate.resolve('done')
    expect(await Promise.all([first, others[0]!, others[2]!].map(({ result }) => result))).toEqual([
      'done',
      'second',
      'fourth',
    ])
    expect(begun).toEqual(['first', 'second', 'fourth'])
  })

  test('come to the newest first while the oldest has lost half of its time', async () => {
    const line = lineOf()
    const gates = [deferred<unknown>(), deferred<unknown>()]
    asking(line, 'first', () => gates[0]!.promise)
    asking(line, 'in time', () => gates[1]!.promise, clock.now() + 100)
    await clock.advance(40)
    gates[0]!.resolve(0)
    await clock.advance(0)
    asking(line, 'late', undefined, clock.now() + 100)
    await clock.advance(60)
    asking(line, 'newer', undefined, clock.now() + 100)
    asking(line, 'newest', undefined, clock.now() + 100)
    gates[1]!.resolve(1)
    await clock.advance(0)
    expect(begun).toEqual(['first', 'in time', 'newest', 'newer', 'late'])
  })

  test('are not waited for by what a load with a turn asks for, nor by what it joins', async () => {
    const line = lineOf()
    const gate = deferred<unknown>()
    const queued: ReturnType<typeof asking>[] = []
    const parent = asking(line, 'parent', async () => {
      const child = await asking(line, 'child', () => asking(line, 'grandchild').result).result
      await gate.promise
      join(queued[0]!.audience)
      return [child, await queued[0]!.result]
    })
    await clock.advance(0)
    queued.push(asking(line, 'joined'), asking(line, 'a stranger'))
    gate.resolve('go on')
    expect(await parent.result).toEqual(['grandchild', 'joined'])
    expect(await queued[1]!.result).toBe('a stranger')
    expect(begun).toEqual(['parent', 'child', 'grandchild', 'joined', 'a stranger'])
    expect(heldTurn()).toBeUndefined()
  })

  test('of two lines hold up each other in one direction only', async () => {
    const [one, other] = [lineOf(), lineOf()]
    const gates = [deferred<unknown>(), deferred<unknown>()]
    const running = asking(other, 'of the other', () => gates[0]!.promise)
    const nested = asking(one, 'of the one', () => asking(other, 'waits for the other').result)
    await clock.advance(0)
    expect(begun).toEqual(['of the other', 'of the one'])
    gates[0]!.resolve(0)
    await Promise.all([running.result, nested.result])

    const crossing = [
      asking(one, 'one', () => gates[1]!.promise.then(() => asking(other, 'of one').result)),
      asking(other, 'other', () => gates[1]!.promise.then(() => asking(one, 'of other').result)),
    ]
    gates[1]!.resolve(1)
    expect(await Promise.all(crossing.map(({ result }) => result))).toEqual(['of one', 'of other'])
  })
})
