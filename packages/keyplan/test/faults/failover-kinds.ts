import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { until } from '../live-server.ts'
import type { Subject } from './failover-client.ts'

/** What the kinds promise while `failover` lets another server take over. */
export async function keepPromises(clients: readonly Subject[], failover: () => Promise<unknown>): Promise<void> {
  const [first, second] = clients as [Subject, Subject]
  const ids = Array.from({ length: 40 }, (_, index) => `gone${index}`)
  await Promise.all(ids.map(id => first.copy({ id }).set('old')))
  let over = false
  let allowed = 0
  let asked = 0
  const limiting = clients.map(async client => {
    while (!over || asked < 600) {
      const answer = await client.knocks({ id: 'door' }).consume()
      asked++
      if (answer.allowed) allowed++
      await sleep(over ? 0 : 15)
    }
  })
  const fences: bigint[] = []
  let holders = 0
  let together = 0
  const locking = clients.map(async ({ door }) => {
    while (!over) {
      await door({ id: 'one' })
        .run(async ({ fence, signal }) => {
          together = Math.max(together, ++holders)
          fences.push(fence)
          await sleep(5)
          // Who was told that the lock is lost may no longer count on being alone.
          if (!signal.aborted) holders--
          else holders = Math.max(0, holders - 1)
        })
        // Refused at once, without a pause they would leave no turn to the links that have to be made.
        .catch(() => sleep(5))
    }
  })
  await until(() => allowed > 60 && fences.length > 20)

  expect(await Promise.all(ids.map(id => first.copy({ id }).delete()))).toEqual(ids.map(() => 'done'))
  await failover()
  const since = fences.length
  await until(() => fences.length > since + 20)
  for (const client of [first, second]) {
    expect(await Promise.all(ids.map(id => client.copy({ id }).get()))).toEqual(ids.map(() => undefined))
  }
  over = true
  await Promise.all([...limiting, ...locking])

  expect(asked).toBeGreaterThanOrEqual(600)
  expect(allowed).toBe(300)
  expect(together).toBe(1)
  expect(fences).toEqual([...fences].sort((a, b) => (a < b ? -1 : 1)))
  expect(new Set(fences).size).toBe(fences.length)
}
