import { setTimeout as sleep } from 'node:timers/promises'
import { startSentinel } from '@keyplan/local'
import { expect, test } from 'vitest'
import { until } from '../../live-server.ts'
import { open } from '../failover-client.ts'

test('no Sentinel and no master for a minute: how often each is asked', async () => {
  await using topology = await startSentinel({ proxied: true })
  const { client, lines } = await open({ url: topology.url })
  const master = await topology.master()
  const broken = [master, ...topology.sentinels]
  await Promise.all(broken.map(({ proxy }) => proxy!.reset()))
  await until(() => client.$status.state === 'reconnecting')
  const before = broken.map(({ proxy }) => proxy!.totals.turnedAway)
  await sleep(60_000)
  const perMinute = broken.map(({ proxy }, at) => proxy!.totals.turnedAway - before[at]!)
  await Promise.all(broken.map(({ proxy }) => proxy!.pass()))
  await until(() => client.$status.state === 'connected')
  console.log('Sentinels and master unreachable for 60 s: attempts', perMinute, 'log lines', lines.length)
  for (const attempts of perMinute) expect(attempts).toBeLessThanOrEqual(40)
  expect(lines.length).toBeLessThan(8)
})
