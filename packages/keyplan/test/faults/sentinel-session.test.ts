import { type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, json, session } from '../../src/index.ts'
import { until } from '../live-server.ts'

interface Data {
  userId: string
  count: number
}

const plan = definePlan('failover', {
  sessions: session('session:<id>', { ttl: '1h', value: json<Data>(), perUser: { by: data => data.userId } }),
})

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())

async function open() {
  const client = await connect(plan, { url: topology.url, start: 'required', log: false })
  onTestFinished(() => client.$close())
  return client
}

/** Waits until the replicas have what the master has. */
async function replicated(): Promise<void> {
  const master = await topology.master()
  await until(async () => {
    const [, offset, replicas] = (await master.ask('ROLE')) as [string, number, string[][]]
    return replicas.length === 2 && replicas.every(([, , at]) => Number(at) >= offset)
  })
}

test('over a failover who is logged in stays it, who logged out too, and what was saved is there once', {
  timeout: 60_000,
}, async () => {
  const [one, two] = [await open(), await open()]
  const ids: string[] = []
  for (let user = 0; user < 40; user++) ids.push((await one.sessions.create({ userId: `u${user}`, count: 0 })).id)
  const [gone, alive] = [ids.slice(0, 20), ids.slice(20)]
  for (const id of gone) expect(await two.sessions({ id }).destroy()).toBe(true)
  await replicated()

  let over = false
  let saved = 0
  const counted = alive[0]!
  const saving = [one, two].map(async ({ sessions }) => {
    const entry = sessions({ id: counted })
    while (!over) {
      const done = await entry.update(({ count }) => ({ count: count + 1 })).catch(() => undefined)
      if (done) saved++
    }
  })
  await until(() => saved > 20)
  await topology.failover()
  const before = saved
  await until(() => saved > before + 20)
  over = true
  await Promise.all(saving)

  for (const { sessions } of [one, two]) {
    expect((await Promise.all(gone.map(id => sessions({ id }).read()))).filter(Boolean)).toEqual([])
    expect((await Promise.all(alive.map(id => sessions({ id }).read()))).filter(Boolean).length).toBe(20)
    expect((await Promise.all(gone.map(id => sessions({ id }).update({ count: 1 })))).filter(Boolean)).toEqual([])
  }
  // What the old master took in its last moment is not replicated; and what was refused or lost in between is tried again.
  const { data, version } = (await one.sessions({ id: counted }).read())!
  expect(version).toBe(data.count + 1)
  expect((await one.sessions.user('u30').list()).length).toBe(1)
  await topology.settled()
})
