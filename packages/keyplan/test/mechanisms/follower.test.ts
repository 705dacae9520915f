import fc from 'fast-check'
import { expect, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { beginning, compareIds, type LogEntry } from '../../src/mechanisms/log/entry.ts'
import { createFollower } from '../../src/mechanisms/log/follower.ts'
import type { LogGap } from '../../src/mechanisms/log/place.ts'

/** A log whose server may be followed by one that has less, and whose clock is elsewhere. */
function createLog() {
  let entries: LogEntry[] = []
  let now = 1_000_000
  let count = 0
  return {
    get entries(): readonly LogEntry[] {
      return entries
    },
    append(): LogEntry {
      now += 10
      const last = entries.at(-1)?.id ?? beginning
      // Also where a time comes again, an id does not: a follower could not tell the two entries from each other.
      const id = `${Math.max(now, Number.parseInt(last, 10))}-${++count}`
      const entry = { id, prev: last, value: String(count) }
      entries.push(entry)
      return entry
    },
    cut(lost: number, clock: number): void {
      entries = entries.slice(0, Math.max(0, entries.length - lost))
      now += clock * 100
    },
    trim(kept: number): void {
      entries = entries.slice(-kept)
    },
    range: async (after: string, most: number) => entries.filter(({ id }) => compareIds(id, after) > 0).slice(0, most),
    newest: async () => entries.at(-1)?.id,
  }
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 60 }),
        heard: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('cut' as const),
        lost: fc.integer({ min: 0, max: 100 }),
        clock: fc.integer({ min: -8, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), kept: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 2, arbitrary: fc.constant({ do: 'rest' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'missed' as const }) },
  ),
  { minLength: 1, maxLength: 25 },
)

test('whatever is lost, cut, trimmed or not heard: what the log has in the end is given once and in order, or told to be missing', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 5, max: 300 }), async (todo, room) => {
      const log = createLog()
      const given: LogEntry[] = []
      const gaps: LogGap[] = []
      let used = 0
      let wasTrimmed = false
      const follower = createFollower({
        namespace: 'logs',
        from: undefined,
        most: room,
        range: log.range,
        newest: log.newest,
        accept(entry, gap) {
          if (used >= room) return false
          used++
          if (gap) gaps.push(gap)
          if (entry) given.push(entry)
          return true
        },
        caughtUp: () => {},
        clock: realClock,
      })
      const makeRoom = () => {
        used = 0
        follower.room()
      }
      const isUpToDate = () => {
        makeRoom()
        return given.at(-1) === log.entries.at(-1)
      }
      for (const step of todo) {
        if (step.do === 'append') {
          for (let n = 0; n < step.count; n++) {
            const entry = log.append()
            if (step.heard) follower.heard(entry)
          }
        } else if (step.do === 'cut') {
          log.cut(step.lost, step.clock)
          follower.missed()
        } else if (step.do === 'trim') {
          log.trim(step.kept)
          wasTrimmed = true
        } else if (step.do === 'missed') follower.missed()
        else {
          makeRoom()
          await new Promise(resolve => setImmediate(resolve))
        }
      }
      log.append()
      follower.missed()
      for (let turn = 0; !isUpToDate(); turn++) {
        // As a failure it can be shrunk; the end of the test's time would not even tell the seed.
        if (turn === 10_000) throw new Error('the follower never came to the end of the log')
        await new Promise(resolve => setImmediate(resolve))
      }
      follower.close()
      const values = given.map(({ value }) => value)
      expect(new Set(values).size).toBe(values.length)
      const [last] = log.entries.slice(-1)
      const inLog = new Set(log.entries.map(({ value }) => value))
      // Behind what was trimmed nobody can tell what was there.
      if (!wasTrimmed) expect(given.filter(({ value }) => inLog.has(value))).toEqual(log.entries)
      for (const [at, entry] of given.entries()) {
        const before = given[at - 1]
        if (before && entry.prev !== before.id) expect(gaps.map(gap => gap.before)).toContain(entry.id)
      }
      expect(given.at(-1)).toBe(last)
    }),
    { numRuns: 200 },
  )
})

test('what is heard of a log that begins anew before all that is remembered is given, after a gap; what is heard late is not', async () => {
  let entries: LogEntry[] = [{ id: '100-0', prev: '90-0', value: '1' }]
  const given: (string | undefined)[] = []
  const gaps: LogGap[] = []
  let live = 0
  const rest = async (times: number) => {
    while (live < times) await new Promise(resolve => setImmediate(resolve))
  }
  const follower = createFollower({
    namespace: 'logs',
    from: '100-0',
    most: 10,
    range: async after => entries.filter(({ id }) => compareIds(id, after) > 0),
    newest: async () => entries.at(-1)?.id,
    accept(entry, gap) {
      if (gap) gaps.push(gap)
      given.push(entry?.id)
      return true
    },
    caughtUp: () => void live++,
    clock: realClock,
  })
  await rest(1)
  follower.heard({ id: '90-0', prev: '80-0', value: '0' })
  await rest(2)
  expect([given, gaps]).toEqual([[], []])
  entries = [
    { id: '50-0', prev: '0-0', value: '2' },
    { id: '51-0', prev: '50-0', value: '3' },
  ]
  for (const entry of entries) follower.heard(entry)
  await rest(3)
  follower.heard({ id: '60-0', prev: '51-0', value: '4' })
  expect([given, gaps]).toEqual([['50-0', '51-0', '60-0'], [{ after: '100-0', before: '50-0' }]])
  follower.close()
})
