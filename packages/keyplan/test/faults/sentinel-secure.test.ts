import { type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { until } from '../live-server.ts'
import { goOn, increments, ledgerOfTest, loop, open, plan } from './failover-client.ts'

const password = 'a@b:c/d#e%f?é'
const sentinelPassword = 'of the Sentinels: é'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel({ password, sentinelPassword, tls: true })
}, 60_000)
afterAll(() => topology.stop())

const addresses = () => topology.sentinels.map(({ port }) => `localhost:${port}`)
const tls = () => ({ ca: topology.tls!.authority.certificate })

test('Sentinels and servers with TLS and a password each: found, followed at a failover, and no secret is told', {
  timeout: 60_000,
}, async () => {
  const sentinel = { master: topology.masterName, addresses: addresses(), password: sentinelPassword }
  const { client, lines, failovers } = await open({ sentinel, password, tls: tls() })
  const busy = loop(ledgerOfTest(), 'secure', increments(client))
  await goOn([busy])
  const master = await topology.master()
  await master.kill()
  await goOn([busy])
  await busy.stop()
  await until(() => failovers.length === 1)
  expect(failovers[0]!.from).toMatch(new RegExp(`:${master.port}$`))
  expect(client.$status.state).toBe('connected')
  const said = JSON.stringify([lines, failovers, client.$status])
  for (const secret of [password, sentinelPassword]) expect(said).not.toContain(secret)
  await master.restart()
  await topology.settled()
})

test('a wrong password of the Sentinels or of the servers, and TLS that is not trusted, are refused at once', async () => {
  const refusal = (options: Parameters<typeof connect>[1]) =>
    connect(plan, { log: () => {}, ...options }).then(
      client => client.$close().then(() => 'connected'),
      error => error.code,
    )
  const { masterName: master } = topology
  const right = { master, addresses: addresses(), password: sentinelPassword }
  expect(await refusal({ sentinel: { ...right, password: 'wrong' }, password, tls: tls() })).toBe('AUTH_FAILED')
  expect(await refusal({ sentinel: right, password: 'wrong', tls: tls() })).toBe('AUTH_FAILED')
  expect(await refusal({ sentinel: right, password, tls: {} })).toBe('TLS_FAILED')
})
