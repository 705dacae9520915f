import { expect, test } from 'vitest'
import type { ConnectOptions } from '../../src/client/index.ts'
import { definePlan, json, session } from '../../src/index.ts'
import { digest } from '../../src/plan/pattern/value.ts'
import { until } from '../live-server.ts'
import { serverBehindProxy } from './server-behind-proxy.ts'
import { type Counted, savesUnderFaults } from './session-saves.ts'

interface Data extends Counted {
  userId?: string
}

const plan = definePlan('faults', {
  sessions: session('session:<id>', {
    ttl: '1h',
    value: json<Data>(),
    perUser: { by: data => data.userId },
  }),
})

const faulty = serverBehindProxy(plan)
const opened = async (options?: ConnectOptions) => (await faulty.open(options)).sessions

const stored = async (id: string) => String(await faulty.server.ask('GET', `session:${digest(id)}`))

test('a save whose reply was lost is sent again and finds itself: nothing is counted twice', async () => {
  const sessions = await opened()
  const { id } = await sessions.create({ count: 0 })
  const entry = sessions({ id })
  for (let round = 1; round <= 3; round++) {
    await entry.read()
    await faulty.proxy.swallowReplies()
    const saved = entry.update(({ count }) => ({ count: count + 1 }))
    await until(async () => JSON.parse(await stored(id)).data.count === round)
    await faulty.proxy.pass()
    expect(await saved).toMatchObject({ data: { count: round }, version: round + 1 })
  }
})

test('a login and a rotation whose replies were lost are there once', async () => {
  const sessions = await opened()
  const { id } = await sessions.create({ count: 0 })
  const entry = sessions({ id })
  await entry.read()
  await faulty.proxy.swallowReplies()
  const moving = entry.rotate({ change: { userId: 'ann' } })
  await until(() => faulty.proxy.totals.bytesSwallowed > 0)
  await faulty.proxy.pass()
  const moved = (await moving)!
  expect((await sessions.user('ann').list()).map(({ name }) => name)).toEqual([moved.name])
  expect(await entry.read()).toBeUndefined()
  expect(await sessions({ id: moved.id }).read()).toMatchObject({ data: { userId: 'ann' } })

  await faulty.proxy.swallowReplies()
  const creating = sessions.create({ userId: 'bob', count: 0 })
  await until(() => faulty.proxy.totals.bytesSwallowed > 0)
  await faulty.proxy.pass()
  const { name } = await creating
  expect((await sessions.user('bob').list()).map(one => one.name)).toEqual([name])
})

test('a save that is held up on its way until after the logout brings nothing back', async () => {
  const slow = await opened({ stall: '20s', attempt: '20s', deadline: '20s' })
  const quick = (await faulty.openDirect()).sessions
  const made = await Promise.all(Array.from({ length: 100 }, () => slow.create({ userId: 'ann', count: 0 })))
  const entries = made.map(({ id }) => slow({ id }))
  await Promise.all(entries.map(entry => entry.read()))
  await faulty.proxy.blackhole()
  const saves = entries.map((entry, index) => (index % 2 ? entry.update({ count: 1 }) : entry.rotate()))
  expect(await quick.user('ann').endAll()).toBe(100)
  await faulty.proxy.pass()
  expect((await Promise.all(saves)).filter(Boolean)).toEqual([])
  const found = await Promise.all(made.map(({ id }) => quick({ id }).read()))
  expect(found.filter(Boolean)).toEqual([])
  expect(await quick.user('ann').list()).toEqual([])
})

test('two processes that save different fields over a bad link lose none of what they were told was saved', async () => {
  await savesUnderFaults({ faults: 6, proxy: faulty.proxy, open: () => opened(), stored })
})
