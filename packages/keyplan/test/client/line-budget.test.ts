import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createLineBudget } from '../../src/client/line-budget.ts'

function budget() {
  const clock = handClock()
  const lines: string[] = []
  return { clock, lines, ...createLineBudget((_level, line) => lines.push(line), clock) }
}

test('two lines a minute about each subject, and of the rest the last', async () => {
  const { clock, lines, say } = budget()
  for (const line of ['lost 1', 'back 1', 'lost 2', 'back 2', 'lost 3', 'back 3']) say('server', 'warn', line)
  say('breaker', 'info', 'open')
  expect(lines).toEqual(['lost 1', 'back 1', 'open'])
  await clock.advance(60_000)
  expect(lines.slice(3)).toEqual(['back 3 (4 changes since the last line)'])
  say('server', 'warn', 'lost 4')
  expect(lines.slice(4)).toEqual(['lost 4'])
})

test('five hundred flaps in ten minutes leave at most two lines a minute, the last of them true', async () => {
  const { clock, lines, say } = budget()
  for (let flap = 0; flap < 500; flap++) {
    say('server', 'warn', `lost ${flap}`)
    await clock.advance(600)
    say('server', 'info', `back ${flap}`)
    await clock.advance(600)
  }
  await clock.advance(60_000)
  expect(lines.length).toBeLessThanOrEqual(2 * 11)
  expect(lines.at(-1)).toMatch(/^back 499/)
})

test('closed, it says no more', async () => {
  const { clock, lines, say, close } = budget()
  for (const line of ['a', 'b', 'c']) say('server', 'warn', line)
  close()
  await clock.advance(120_000)
  expect(lines).toEqual(['a', 'b'])
})
