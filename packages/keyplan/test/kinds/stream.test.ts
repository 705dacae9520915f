import { describe, expect, test } from 'vitest'
import { definePlan, describe as describePlan, isKeyplanError, json, stream } from '../../src/index.ts'
import { backoffOf, redeliveryHorizon } from '../../src/kinds/stream/settings.ts'

const value = json<{ id: string }>()

function problemsOf(options: object): readonly string[] {
  try {
    definePlan('plan', { events: stream('events', { value, ...options } as never) })
  } catch (error) {
    if (isKeyplanError(error, 'PLAN_INVALID')) return error.problems
    throw error
  }
  return []
}

describe('the declaration of a stream', () => {
  test('has the defaults of the developer-mesh document', () => {
    const plan = definePlan('plan', { events: stream('events', { value, groups: { workers: { start: '$' } } }) })
    expect(describePlan(plan).namespaces[0]).toMatchObject({
      kind: 'stream',
      durability: 'durable',
      whenDown: 'fail',
      facts: {
        keep: { entries: 100_000, age: null, untilRead: false },
        groups: { workers: '$' },
        block: '5s',
        batch: 100,
        claimAfter: '1m',
        retry: { attempts: 3, delay: '1s', max: '1m' },
        deadLetters: '1w',
        idempotency: null,
      },
    })
  })

  test('a group that begins at > is told what it meant', () => {
    const [problem] = problemsOf({ groups: { workers: { start: '>' } } })
    expect(problem).toContain("groups.workers.start is '>'")
    expect(problem).toContain("write '$', with the oldest entry '0'")
    expect(problemsOf({ groups: { workers: { start: '5-1' }, all: { start: '0' } } })).toEqual([])
    expect(problemsOf({ groups: { workers: { start: 'now' } } })[0]).toContain("'now'")
  })

  test('idempotency that is shorter than an entry can come back is refused, with the remedy', () => {
    const [problem] = problemsOf({ idempotency: { ttl: '24h' } })
    expect(problem).toContain('idempotency.ttl is 24h, and an entry may be delivered again for longer')
    expect(problem).toContain("Leave ttl out, write '8d', or keep dead letters for less")
    expect(problemsOf({ idempotency: { ttl: '8d' } })).toEqual([])
    expect(problemsOf({ idempotency: true })).toEqual([])
    expect(problemsOf({ idempotency: { ttl: '24h' }, deadLetters: { keep: '12h' } })).toEqual([])
  })

  test.each([
    [{ keep: { entris: 5 } }, 'did you mean keep.entries?'],
    [{ keep: { entries: 0 } }, 'keep.entries is 0'],
    [{ keep: { age: 5 } }, 'keep.age'],
    [{ keep: { untilRead: 'yes' } }, "keep.untilRead is 'yes'"],
    [{ batch: 5_000 }, 'batch is 5000'],
    [{ block: '5' }, 'block'],
    [{ claimAfter: '10ms' }, 'at least 100ms'],
    [{ retry: { attempts: -1 } }, 'retry.attempts is -1'],
    [{ retry: 3 }, 'retry is a number'],
    [{ deadLetters: { ttl: '7d' } }, 'deadLetters.ttl is not an option'],
    [{ groups: [] }, 'groups is an array'],
    [{ groups: { 'a b': { start: '0' } } }, 'a name that is not usable'],
    [{ groups: { workers: {} } }, 'groups.workers.start is undefined'],
    [{ idempotency: { by: 'id' } }, "idempotency.by is 'id'"],
    [{ value: undefined }, 'give a codec'],
    [{ retries: 3 }, 'retries is not an option'],
  ])('%j is told', (options, text) => {
    expect(problemsOf(options).join('\n')).toContain(text)
  })

  test.each([
    [{ keep: { age: '2m' } }, 'keep.age is 2m, and an entry may wait 247s for its last retry'],
    [{ keep: { entries: 150 } }, 'keep.entries is 150, and one worker takes 100 at once'],
    [{ keep: { entries: 1_000 }, maxLag: 1_000 }, 'maxLag is 1000, and no more than about 1000 entries are kept'],
  ])('%j would let a group be outrun, and is warned of', (options, text) => {
    const warnings = (more: object) => {
      const declared = { value, groups: { workers: { start: '0' } }, ...options, ...more }
      return definePlan('plan', { events: stream('events', declared as never) }).warnings
    }
    expect(warnings({}).join('\n')).toContain(text)
    expect(warnings({ keep: { ...options.keep, untilRead: true } })).toEqual([])
    expect(warnings({ groups: {} })).toEqual([])
  })

  test('pauses double up to the longest', () => {
    const retry = { attempts: 3, delayMs: 1_000, longestMs: 3_000 }
    expect([1, 2, 3, 50].map(delivery => backoffOf({ retry }, delivery))).toEqual([1_000, 2_000, 3_000, 3_000])
    expect(redeliveryHorizon({ retry, claimAfterMs: 10, deadMs: 100 })).toBe(100 + 10 + 3 * 10 + 6_000)
  })
})
