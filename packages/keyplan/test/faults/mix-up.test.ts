import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { openBudget } from './budget.ts'
import { timesRun } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

test('of calls that are out of time or aborted, the replies that come late are nobody’s', async () => {
  const { server, proxy } = setup
  const { client, told } = await setup.open({ stall: '3s' })
  const budget = openBudget(500)
  let wrong = 0
  let answered = 0
  const ask = async (index: number) => {
    const word = randomUUID()
    const controller = new AbortController()
    if (index % 2 === 0) setTimeout(() => controller.abort(), index % 100)
    const options = { deadline: '500ms', signal: controller.signal } as const
    const reply = await budget.within(() => client.$command('ECHO', [word], options)).catch(() => undefined)
    if (reply === undefined) return
    answered++
    if (reply !== word) wrong++
  }
  const round = () => Promise.all(Array.from({ length: 200 }, (_, index) => ask(index)))

  await proxy.delay({ down: 800 })
  await round()
  expect(answered).toBe(0)
  await proxy.delay({ down: 0 })
  // Behind the late ones, on the same connection.
  await Promise.all([round(), round()])
  await round()
  expect(wrong).toBe(0)
  expect(answered).toBeGreaterThan(100)
  expect(budget.worst).toBeLessThan(budget.limit)
  expect(await timesRun(server, 'echo')).toBeGreaterThanOrEqual(answered + 200)
  expect([proxy.totals.connections, told.filter(event => event === 'reconnecting')]).toEqual([1, []])
})
