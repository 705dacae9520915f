import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { infoFigure } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

test('a server that is full is asked rarely; who is connected stays so, and who comes late heals', async () => {
  const { server } = setup
  const early = await setup.openDirect()
  await server.ask('CONFIG', 'SET', 'maxclients', '1')
  const late = await setup.openDirect({ backoff: { min: '50ms', max: '2s' } })
  expect(late.client.$status.state).toBe('reconnecting')
  await sleep(2_000)
  expect(late.client.$status.error).toMatchObject({ code: 'MAX_CLIENTS' })
  await expect(late.client.note({ id: 1 }).get({ deadline: '100ms' })).rejects.toMatchObject({
    outcome: 'not-executed',
  })
  for (let call = 0; call < 50; call++) expect(await early.client.$command('ECHO', ['on'])).toBe('on')
  expect(early.told).toEqual([])
  expect(late.lines.filter(line => /maxclients/.test(line)).length).toBe(1)
  // The one link there is may still change it: every new one is turned away.
  await early.client.$command('CONFIG', ['SET', 'maxclients', '1000'])
  await until(() => late.client.$status.state === 'connected')
  expect(await late.client.$command('ECHO', ['in'])).toBe('in')
  const rejected = await infoFigure(server, 'stats', 'rejected_connections')
  expect(rejected).toBeGreaterThan(2)
  // At the delays of 50 ms to 2 s, less a quarter, over as long as it may take to be let in.
  expect(rejected).toBeLessThanOrEqual(10)
})
