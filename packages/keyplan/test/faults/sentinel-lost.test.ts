import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type SentinelTopology, startProxy, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { until } from '../live-server.ts'
import { serverLinks } from './evidence.ts'
import { audit, goOn, increments, ledgerOfTest, loop, open } from './failover-client.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel({ proxied: true })
}, 60_000)
afterAll(() => topology.stop())

const brief = { deadline: '500ms', attempt: '300ms' } as const

test('a Sentinel with an old configuration is not believed: not beside others, nor alone by who knew better', {
  timeout: 60_000,
}, async () => {
  const [liar, ...others] = topology.sentinels
  const old = await topology.master()
  const saved = join(liar!.dir, 'before.conf')
  await copyFile(join(liar!.dir, 'redis.conf'), saved)
  const successor = await topology.failover()
  await topology.settled()
  const { client } = await open({ url: topology.url })
  const ledger = ledgerOfTest()
  const busy = loop(ledger, 'raw-lie', increments(client))
  await goOn([busy])

  await Promise.all(others.map(other => other.pause()))
  await liar!.stop()
  await copyFile(saved, join(liar!.dir, 'redis.conf'))
  await liar!.restart()
  const says = (await liar!.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', topology.masterName)) as string[]
  expect(says[1]).toBe(String(old.proxy!.port))
  await goOn([busy], 200)
  expect(client.$status.server).toBe(`127.0.0.1:${successor.proxy!.port}`)

  const links = await serverLinks(successor, 'commands')
  await Promise.all(links.map(({ id }) => successor.ask('CLIENT', 'KILL', 'ID', id)))
  await until(() => client.$status.state === 'reconnecting')
  await sleep(1_500)
  expect(await serverLinks(old, 'commands')).toEqual([])
  for (const other of others) other.resume()
  await goOn([busy])
  await busy.stop()
  const fresh = await open({ url: topology.url })
  expect(fresh.client.$status.server).toBe(`127.0.0.1:${successor.proxy!.port}`)
  const read = async (ids: readonly string[]) =>
    (await successor.ask('MGET', ...ids.map(id => `raw:${id}`))) as unknown[]
  const books = await audit(ledger, 'raw-lie', read)
  expect([books.lost, books.ghosts, books.doubled]).toEqual([[], [], []])
})

test('without any Sentinel the link that stands goes on; a lost one is sought at a bounded rate, and comes back', {
  timeout: 60_000,
}, async () => {
  const { client, lines } = await open({ url: topology.url, ...brief })
  const key = client.raw.key({ id: 'alone' })
  await client.$command('INCR', [key])
  const master = await topology.master()
  const [link] = await serverLinks(master, 'commands')
  await Promise.all(topology.sentinels.map(sentinel => sentinel.proxy!.reset()))
  const begun = topology.sentinels.map(({ proxy }) => proxy!.totals.turnedAway)
  for (let count = 2; count < 60; count++) {
    expect(await client.$command('INCR', [key])).toBe(count)
    await sleep(20)
  }
  expect(await serverLinks(master, 'commands')).toEqual([link])
  expect(client.$status.state).toBe('connected')

  await master.ask('CLIENT', 'KILL', 'ID', link!.id)
  await until(() => client.$status.state === 'reconnecting')
  await expect(client.$command('INCR', [key])).rejects.toMatchObject({ outcome: 'not-executed' })
  await sleep(2_000)
  // Nobody vouches for the old address, so nothing is sent there.
  expect(await serverLinks(master, 'commands')).toEqual([])
  topology.sentinels.forEach(({ proxy }, index) => {
    const attempts = proxy!.totals.turnedAway - begun[index]!
    expect(attempts).toBeGreaterThan(2)
    expect(attempts).toBeLessThan(40)
  })
  await Promise.all(topology.sentinels.map(sentinel => sentinel.proxy!.pass()))
  await until(() => client.$status.state === 'connected')
  expect(await client.$command('INCR', [key])).toBe(60)
  expect(lines.length).toBeLessThan(6)
})

test('one Sentinel that is frozen keeps nobody from the others', { timeout: 60_000 }, async () => {
  const [frozen] = topology.sentinels
  await frozen!.pause()
  onTestFinished(() => frozen!.resume())
  const { client } = await open({ url: topology.url, start: 'required', connectTimeout: '3s' })
  const master = await topology.master()
  await client.$command('SET', ['raw:frozen', 1])
  await master.ask('CLIENT', 'KILL', 'TYPE', 'normal')
  await until(() => client.$status.state === 'connected')
  expect(await client.$command('GET', ['raw:frozen'])).toBe('1')
})

test('Sentinels that name each other by addresses out of reach do not delay anybody', { timeout: 60_000 }, async () => {
  const hole = await startProxy({ to: (await topology.master()).port })
  await hole.blackhole()
  onTestFinished(() => hole.close())
  const nowhere = `127.0.0.1:${hole.port}`
  const natMap = Object.fromEntries(topology.sentinels.map(({ proxy }) => [`127.0.0.1:${proxy!.port}`, nowhere]))
  const { client } = await open({ url: topology.url, natMap, start: 'required', connectTimeout: '2s' })
  expect(await client.$command('SET', ['raw:reach', 1])).toBe('OK')
  await until(() => hole.totals.connections > 0)
})
