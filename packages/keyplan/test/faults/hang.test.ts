import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { serverLinks } from './evidence.ts'
import { openLedger } from './ledger.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

/** The state of a process as the kernel has it: `T` for stopped. */
const stateOf = (pid: number | undefined) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]

test('a server that hangs costs every call its deadline at most, and its link; late replies reach nobody', async () => {
  const { server } = setup
  onTestFinished(() => server.resume())
  const { client, told } = await setup.openDirect()
  using ledger = openLedger()
  const budget = openBudget(1_200)
  const [link] = await serverLinks(server, 'commands')
  await server.pause()
  expect(stateOf(server.pid)).toBe('T')
  const write = (id: string) =>
    ledger.run(id, () => budget.within(() => client.$command('INCR', [client.raw.key({ id })], { deadline: '1200ms' })))
  const first = await Promise.all(Array.from({ length: 30 }, (_, index) => write(`first ${index}`)))
  expect(new Set(first)).toEqual(new Set(['unknown']))
  await until(() => client.$status.state === 'reconnecting')
  expect(client.$status.error?.code).toBe('TIMEOUT')

  const second = await Promise.all(Array.from({ length: 30 }, (_, index) => write(`second ${index}`)))
  expect(new Set(second)).toEqual(new Set(['failed']))
  expect(client.$status.breaker).toBe('open')
  // A connection can be made all the same: the system answers for a process that does not.
  expect(budget.worst).toBeLessThan(budget.limit)
  await sleep(500)

  server.resume()
  await until(() => client.$status.state === 'connected')
  const words = Array.from({ length: 200 }, () => randomUUID())
  expect(await Promise.all(words.map(word => client.$command('ECHO', [word])))).toEqual(words)
  expect((await serverLinks(server, 'commands')).map(({ id }) => id)).not.toContain(link?.id)
  for (const id of ledger.ids('failed')) expect(await server.ask('EXISTS', client.raw.key({ id }))).toBe(0)
  expect(ledger.open()).toEqual([])
  expect(told).toContain('breaker open')
  expect(told.filter(event => event === 'reconnecting')).toEqual(['reconnecting'])
})

test('what was asked for by a lock and a limit while the server hangs is answered as declared', async () => {
  const { server } = setup
  onTestFinished(() => server.resume())
  const { client } = await setup.openDirect({ deadline: '700ms' })
  const budget = openBudget(700)
  await server.pause()
  const [desk, visit, page, note] = await Promise.allSettled([
    budget.within(() => client.desk({ id: 1 }).tryAcquire()),
    budget.within(() => client.visits({ id: 1 }).consume()),
    budget.within(() => client.page({ id: 1 }).getOrLoad(() => ({ text: 'loaded' }))),
    budget.within(() => client.note({ id: 1 }).get()),
  ])
  expect(desk).toMatchObject({ status: 'rejected', reason: { outcome: 'unknown', namespace: 'desk' } })
  expect(visit).toMatchObject({ status: 'fulfilled', value: { allowed: false, degraded: true } })
  expect(page).toEqual({ status: 'fulfilled', value: { text: 'loaded' } })
  expect(note).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT', namespace: 'note' } })
  expect(budget.worst).toBeLessThan(budget.limit)
  server.resume()
  // Nobody was told that it is held, so it does not stay so.
  await until(async () => (await client.desk({ id: 1 }).inspect()).locked === false)
})
