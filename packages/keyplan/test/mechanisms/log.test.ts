import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { sealed, unsealed } from '../../src/mechanisms/log/announcement.ts'
import { compareIds } from '../../src/mechanisms/log/entry.ts'
import { createLocalServer } from '../../src/mechanisms/log/local.ts'
import { createPlace } from '../../src/mechanisms/log/place.ts'

const call = { expires: Number.POSITIVE_INFINITY, hold: true, written: 0 }
const terms = { count: 0, ageMs: 0, bytes: 0, ttlMs: 1_000, renew: true }

test('ids are compared as numbers', () => {
  const ids = ['0-0', '9-0', '9-2', '9-10', '10-0', '1795264951063-0', '1795264951063-11']
  const mixed = [...ids].reverse()
  expect(mixed.sort(compareIds)).toEqual(ids)
  expect(compareIds('9-2', '9-2')).toBe(0)
})

test('a sealed message is opened, and what is none is left alone', () => {
  expect(unsealed(sealed('5-0', '4-1', '~1-1~x'))).toEqual({ id: '5-0', prev: '4-1', value: '~1-1~x' })
  for (const text of ['', '~', '{"a":1}', '~1-1~', '~1-1~2-2', '5-0~4-1~x', ' ~5-0~4-1~x']) {
    expect(unsealed(text)).toBeUndefined()
  }
})

test('in memory a log that would be one too many is refused, until the time of another is over', async () => {
  const clock = handClock()
  const { log } = createLocalServer(clock, 2)
  await log.append(call, 'a', '1', terms)
  await log.append(call, 'b', '1', terms)
  await expect(log.append(call, 'c', '1', terms)).rejects.toMatchObject({ code: 'OVERLOADED', outcome: 'not-executed' })
  await log.append(call, 'a', '2', terms)
  await clock.advance(1_002)
  await log.append(call, 'c', '1', terms)
  expect([await log.count(call, 'a'), await log.count(call, 'c')]).toEqual([0, 1])
})

test('in memory ids grow although the clock is turned back', async () => {
  let wall = 1_000
  const { log } = createLocalServer({ ...handClock(), wall: () => wall })
  const { id } = await log.append(call, 'a', '1', terms)
  wall = 500
  expect(compareIds((await log.append(call, 'a', '2', terms)).id, id)).toBeGreaterThan(0)
})

test('a place goes back to what it remembers of the log, and to its end where that is before all of it', () => {
  const place = createPlace('100-0')
  for (let n = 1; n <= 1_000; n++) place.took(`${100 + n}-0`)
  expect([place.knows('99-0'), place.knows('1100-0'), place.knows('1099-5'), place.knows('1101-0')]).toEqual([
    true,
    true,
    false,
    false,
  ])
  place.rewind('1050-3')
  expect([compareIds(place.at, '1050-0') < 0, compareIds(place.at, '600-0') > 0]).toEqual([true, true])
  expect([place.knows('1050-0'), place.knows('1050-2'), place.knows('1051-0')]).toEqual([true, false, false])
  place.rewind('500-0')
  expect([place.at, place.knows('500-0'), place.knows('501-0')]).toEqual(['500-0', true, false])
  const next = { id: '501-0', prev: '500-0', value: '' }
  expect([place.isCutBack(next), place.gapBefore(next)]).toEqual([false, { after: '1100-0', before: '501-0' }])
  place.took('501-0')
  expect(place.gapBefore({ id: '502-0', prev: '501-0', value: '' })).toBeUndefined()
})
