import { expect, test } from 'vitest'
import type { Point } from '../src/comparison.ts'
import { median } from '../src/median.ts'
import { report, rowsOf } from '../src/report.ts'

const evidence = { hits: 10, misses: 0, calls: new Map([['get', 10]]) }

function point(subject: string, client: string, inFlight: number, opsPerSecond: number): Point {
  return { case: 'get', subject, client, inFlight, opsPerSecond, spread: 0.1, evidence, operations: 10 }
}

const points = [
  point('keyplan', 'ioredis', 1, 12_000),
  point('keyplan', 'ioredis', 100, 450_000),
  point('peer', 'plain', 1, 10_000),
  point('peer', 'plain', 100, 90_000),
  point('peer', 'auto', 1, 8_000),
  point('peer', 'auto', 100, 150_000.4),
]

test('a peer stands with its fastest client at each number in flight', () => {
  expect(rowsOf(points)).toEqual([
    { case: 'get', subject: 'keyplan', inFlight: 1, opsPerSecond: 12_000 },
    { case: 'get', subject: 'keyplan', inFlight: 100, opsPerSecond: 450_000 },
    { case: 'get', subject: 'peer', inFlight: 1, opsPerSecond: 10_000 },
    { case: 'get', subject: 'peer', inFlight: 100, opsPerSecond: 150_000 },
  ])
})

test('the report shows every client, the work on the server, and Keyplan against the best of the peer', () => {
  const text = report(points)
  expect(text).toContain('peer over plain')
  expect(text).toContain('peer over auto')
  expect(text).toContain('get 1.00; keys found 1.00')
  expect(text).toMatch(/\| peer +\| +1\.20 × \| +3\.00 × \|/)
})

test('the median of an even count lies between the two in the middle', () => {
  expect(median([5, 1, 3])).toBe(3)
  expect(median([8, 1, 3, 4])).toBe(3.5)
  expect(median([])).toBeNaN()
})
