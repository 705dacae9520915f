import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTarget, sender, until } from '../live-server.ts'
import { serverLinks } from './evidence.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())

const count = async (server: RedisProcess, role: string) => (await serverLinks(server, role)).length

test('CLIENT KILL in a loop, at the master and at the Sentinels: all links come back, once, and nothing is told twice', {
  timeout: 60_000,
}, async () => {
  const addresses = topology.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
  const sentinel = { master: topology.masterName, access: {} }
  await using live = openTarget({ topology: 'sentinel', addresses, sentinel })
  const master = await topology.master()
  const heard = new Map<string, number>()
  const message = (payload: string) => void heard.set(payload, (heard.get(payload) ?? 0) + 1)
  let gaps = 0
  await live.redis.subscribe('news', { message, gap: () => gaps++ })

  let killed = 0
  for (let round = 0; round < 20; round++) {
    for (const server of [master, ...topology.sentinels]) {
      const links = [
        ...(await serverLinks(server, 'commands')),
        ...(await serverLinks(server, 'subscriber')),
        ...(await serverLinks(server, 'sentinel')),
      ]
      for (const { id } of links) killed += Number(await server.ask('CLIENT', 'KILL', 'ID', id).catch(() => 0))
    }
    await master.ask('PUBLISH', 'news', `round ${round}`)
    await sleep(100)
  }
  expect(killed).toBeGreaterThan(40)
  expect(live.events.filter(({ type }) => type === 'lost').length).toBeGreaterThan(3)

  const send = sender(live, { idempotent: true })
  await send('set', ['k', 'v'])
  await until(async () => (await count(master, 'commands')) === 1 && (await count(master, 'subscriber')) === 1)
  // One that listens, and one that asks for as long as there was something to ask.
  for (const one of topology.sentinels) await until(async () => [1, 2].includes(await count(one, 'sentinel')))
  await until(async () => {
    await master.ask('PUBLISH', 'news', 'after')
    await sleep(20)
    return heard.has('after')
  })
  heard.delete('after')
  expect([...heard.values()].filter(times => times !== 1)).toEqual([])
  expect(gaps).toBeGreaterThan(0)
  expect(live.events.some(({ type }) => type === 'moved')).toBe(false)

  const before = live.connection.name
  await topology.failover()
  await until(() => live.connection.name !== before && live.connection.state === 'ready')
})
