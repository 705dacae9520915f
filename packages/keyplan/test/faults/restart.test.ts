import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { runId } from './evidence.ts'
import { openLedger } from './ledger.ts'
import { plan, proxiedClients } from './proxied-client.ts'

const setup = proxiedClients({ appendonly: true })

test('kill -9 under load: what was acknowledged is there, what failed is not, nothing is doubled', async () => {
  const { server } = setup
  const { client, told } = await setup.openDirect()
  using ledger = openLedger()
  const patient = openBudget(5_000)
  const hasty = openBudget(300)
  const before = await runId(server)
  const list = client.raw.key({ id: 'list' })
  let made = 0
  let stop = false
  const loop = async (budget: typeof patient, deadline: '5s' | '300ms') => {
    while (!stop) {
      const id = `entry ${made++}`
      const ending = await ledger.run(id, () => budget.within(() => client.$command('RPUSH', [list, id], { deadline })))
      // An open breaker refuses at once: who asks again without a pause does nothing else.
      if (ending !== 'done') await sleep(20)
    }
  }
  const loops = Array.from({ length: 20 }, (_, index) => (index < 15 ? loop(patient, '5s') : loop(hasty, '300ms')))

  await until(() => ledger.ids('done').length > 500)
  await server.kill()
  await until(() => client.$status.state === 'reconnecting')
  expect(client.$status.error?.code).toBe('DISCONNECTED')
  await sleep(2_000)
  await server.restart()
  const whileAway = made
  await until(() => made > whileAway + 500)
  stop = true
  await Promise.all(loops)

  expect(await runId(server)).not.toBe(before)
  const there = (await server.ask('LRANGE', list, '0', '-1')) as string[]
  const present = new Set(there)
  expect(ledger.ids('done').filter(id => !present.has(id))).toEqual([])
  expect(ledger.ids('failed').filter(id => present.has(id))).toEqual([])
  expect(there.length).toBe(present.size)
  expect([ledger.open(), patient.open, hasty.open]).toEqual([[], 0, 0])
  expect(ledger.ids('failed').length).toBeGreaterThan(0)
  expect(patient.worst).toBeLessThan(patient.limit)
  expect(hasty.worst).toBeLessThan(hasty.limit)
  await until(() => client.$status.state === 'connected')
  expect(told.filter(event => event === 'reconnecting')).toEqual(['reconnecting'])
})

test('an application that starts before its server runs degraded, and heals when the server comes', async () => {
  const { server } = setup
  await server.kill()
  const { client, lines } = await setup.openDirect()
  expect(client.$status.state).toBe('reconnecting')
  expect(await client.page({ id: 1 }).getOrLoad(() => ({ text: 'loaded' }))).toEqual({ text: 'loaded' })
  await expect(client.note({ id: 1 }).get({ deadline: '200ms' })).rejects.toMatchObject({ outcome: 'not-executed' })
  const held = client.raw.key({ id: 'held' })
  const write = client.$command('INCR', [held])
  await server.restart()
  expect(await write).toBe(1)
  await until(() => client.$status.state === 'connected')
  expect(await server.ask('GET', held)).toBe('1')
  expect(lines.filter(line => /cannot connect/.test(line)).length).toBe(1)
})

test('an application that requires its server ends with one line that says why, by the connect deadline', async () => {
  const { server } = setup
  await server.kill()
  const budget = openBudget(400)
  const url = `redis://127.0.0.1:${server.port}`
  const failed = budget.within(() => connect(plan, { url, start: 'required', connectTimeout: '400ms', log: () => {} }))
  await expect(failed).rejects.toMatchObject({
    message: `Redis at 127.0.0.1:${server.port}: ECONNREFUSED`,
    exitCode: 69,
  })
  expect(budget.worst).toBeLessThan(budget.limit)
})
