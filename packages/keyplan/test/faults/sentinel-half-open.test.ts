import { type RedisProcess, type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { proxyLinkOf, type ServerLink, serverLinks } from './evidence.ts'
import { open } from './failover-client.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel({ proxied: true })
}, 60_000)
afterAll(() => topology.stop())

/** The links on which the client listens to a Sentinel; those on which it asks come and go. */
async function listening(sentinel: RedisProcess): Promise<ServerLink[]> {
  const list = String(await sentinel.ask('CLIENT', 'LIST')).split('\n')
  const subscribed = new Set(list.filter(line => / sub=2 /.test(line)).map(line => / ?id=(\d+)/.exec(line)?.[1]))
  return (await serverLinks(sentinel, 'sentinel')).filter(({ id }) => subscribed.has(id))
}

test('a link to the master or to a Sentinel that fell silent is found without traffic', async () => {
  const { client, told } = await open({ url: topology.url })
  const lost = told('reconnecting')
  const master = await topology.master()
  const watched = await Promise.all(
    topology.sentinels.map(sentinel => until(async () => (await listening(sentinel))[0])),
  )
  const [commands] = await serverLinks(master, 'commands')

  topology.sentinels.forEach(({ proxy }, index) => {
    proxyLinkOf(proxy!.links, watched[index]!).apply({ kind: 'blackhole' })
  })
  proxyLinkOf(master.proxy!.links, commands!).apply({ kind: 'blackhole' })
  const begun = performance.now()
  await Promise.all([
    ...topology.sentinels.map((sentinel, index) =>
      until(async () => (await listening(sentinel)).some(({ id }) => id !== watched[index]!.id)),
    ),
    until(() => lost.length > 0),
  ])
  // A ping each 3 s, 1 s of silence, a quarter of that between two looks, and the time to open another.
  expect(performance.now() - begun).toBeLessThan(5_000 + 500)
  // Nothing on the network had said that they were gone.
  expect(lost[0]!.error).toMatchObject({ code: 'TIMEOUT' })
  expect((await serverLinks(master, 'commands')).map(({ id }) => id)).toContain(commands!.id)
  await until(() => client.$status.state === 'connected')
  expect(await client.$command('SET', ['raw:x', 1])).toBe('OK')
})
