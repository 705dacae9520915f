import type { FaultProxy } from '@keyplan/local'
import { expect } from 'vitest'
import type { SessionNamespace } from '../../src/index.ts'
import { until } from '../live-server.ts'

export interface Counted {
  count: number
  fields?: Record<string, number>
}

interface Storm {
  readonly faults: number
  readonly proxy: FaultProxy
  /** A client of its own, over the proxy. */
  open(): Promise<SessionNamespace<'session:<id>', Counted>>
  /** What lies in Redis for an id. */
  stored(id: string): Promise<string>
}

/**
 * Two clients change one session and end others while the link breaks again and again. What was saved is there, and what
 * was ended is not.
 *
 * @returns how many saves and logouts ended well
 */
export async function savesUnderFaults({ faults, proxy, open, stored }: Storm) {
  const clients = [await open(), await open()]
  const { id } = await clients[0]!.create({ count: 0, fields: {} })
  const saved: string[] = []
  const ended: string[] = []
  let over = false
  const saving = clients.map(async (sessions, client) => {
    const entry = sessions({ id })
    for (let round = 0; !over; round++) {
      const field = `${client}:${round % 500}`
      const change = ({ fields }: Counted) => ({ fields: { ...fields, [field]: round } })
      if (await entry.update(change).catch(() => undefined)) saved.push(field)
    }
  })
  const ending = clients.map(async (sessions, client) => {
    const other = clients[1 - client]!
    while (!over) {
      const begun = await sessions.create({ count: 0 }).catch(() => undefined)
      if (!begun) continue
      const late = other({ id: begun.id }).update({ count: 1 })
      const logout = sessions({ id: begun.id }).destroy()
      const [, destroyed] = await Promise.allSettled([late, logout])
      if (destroyed.status === 'fulfilled') ended.push(begun.id)
    }
  })
  for (let fault = 0; fault < faults; fault++) {
    const from = saved.length
    await until(() => saved.length > from + 10)
    await [proxy.swallowReplies, proxy.reset, proxy.blackhole][fault % 3]!()
    await proxy.pass()
  }
  const last = saved.length
  await until(() => saved.length > last + 10)
  over = true
  await Promise.all([...saving, ...ending])

  const { fields } = JSON.parse(await stored(id)).data as Counted
  expect(saved.filter(field => !(field in fields!))).toEqual([])
  expect(saved.length).toBeGreaterThan(10 * faults)
  const reader = clients[0]!
  const alive = await Promise.all(ended.map(one => reader({ id: one }).read()))
  expect(alive.filter(Boolean)).toEqual([])
  expect(ended.length).toBeGreaterThan(faults)
  return { saved: saved.length, ended: ended.length }
}
