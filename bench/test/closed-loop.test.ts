import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { closedLoop } from '../src/closed-loop.ts'

test('keeps the number in flight and counts every call that came back', async () => {
  const asked: number[] = []
  let now = 0
  let most = 0
  const result = await closedLoop(
    async i => {
      asked.push(i)
      most = Math.max(most, ++now)
      await turn()
      now--
      return true
    },
    100,
    7,
    0.02,
  )
  expect(most).toBe(7)
  expect(now).toBe(0)
  expect(asked).toEqual(Array.from({ length: result.operations }, (_, n) => 100 + n))
})

test.each([
  ['rejects', () => Promise.reject(new Error('no link')), 'no link'],
  ['comes back with undefined', async () => undefined, 'a call came back with undefined'],
  ['comes back with false', async () => false, 'a call came back with false'],
])('fails as a whole when a call %s', async (_, run, message) => {
  await expect(closedLoop(run, 0, 3, 60)).rejects.toThrow(message)
})
