import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { becomes, figure, open } from './client-under-fault.ts'
import { workOverKilledLinks } from './killed-links.ts'
import { openLedger } from './ledger.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(() => server.ask('FLUSHALL'))

test('CLIENT KILL of every kind of link, again and again: waiters hear of a release, no write is lost or doubled', async () => {
  using ledger = openLedger()
  const { client, told } = await open(server.url, { backoff: { min: '5ms', max: '20ms' } })
  const lost = told('reconnecting')
  let on = true
  const writing = Promise.all(
    Array.from({ length: 5 }, async (_, writer) => {
      for (let index = 0; on; index++) {
        const id = `${writer}/${index}`
        await ledger.run(id, () => client.$command('hincrby', ['all', id, 1]))
      }
    }),
  )
  const turns = (async () => {
    let taken = 0
    for (let turn = 0; turn < 15; turn++) {
      const held = await client.door({ id: 'turn' }).acquire({ wait: '20s' })
      const next = client.door({ id: 'turn' }).acquire({ wait: '20s' })
      if (await held?.release().catch(() => false)) taken++
      await (await next)?.release().catch(() => false)
    }
    return taken
  })()
  const admin = await server.connect()
  for (let kill = 0; kill < 10; kill++) {
    const before = lost.length
    await admin.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await admin.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await becomes(() => lost.length > before && client.$status.state === 'connected')
  }
  expect(await turns).toBeGreaterThan(0)
  on = false
  await writing
  const counts = new Map<string, string>()
  const all = (await admin.ask('HGETALL', 'all')) as string[]
  admin.close()
  for (let index = 0; index < all.length; index += 2) counts.set(all[index]!, all[index + 1]!)
  expect([...counts.values()].filter(count => count !== '1')).toEqual([])
  expect(ledger.ids('done').filter(id => !counts.has(id))).toEqual([])
  expect(ledger.ids('failed').filter(id => counts.has(id))).toEqual([])
  expect(ledger.open()).toEqual([])
  expect(lost.length).toBeGreaterThanOrEqual(10)
  // One link for commands, and at most one that listens, besides the one that asks.
  await becomes(async () => Number(await figure(server, 'connected_clients')) <= 3)
})

test('FLUSHALL in the middle: holders are told, caches miss, limits begin anew, and nothing is served that is gone', async () => {
  const { client } = await open(server.url)
  for (let id = 0; id < 20; id++) await client.page({ id }).set('text')
  for (let knock = 0; knock < 3; knock++) await client.knocks({ id: 1 }).consume()
  expect(await client.knocks({ id: 1 }).consume()).toMatchObject({ allowed: false })
  const told = client.door({ id: 1 }).run(async ({ signal }) => {
    await server.ask('FLUSHALL')
    await new Promise(resolve => signal.addEventListener('abort', resolve))
    throw signal.reason
  })
  await expect(told).rejects.toMatchObject({ code: 'LOCK_LOST' })
  expect(await client.page.getMany(Array.from({ length: 20 }, (_, id) => ({ id })))).toEqual(Array(20).fill(undefined))
  expect(await client.page({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  expect(await client.page({ id: 1 }).get()).toBe('loaded')
  expect(await client.knocks({ id: 1 }).consume()).toMatchObject({ allowed: true, remaining: 2 })
  expect(await client.door({ id: 1 }).tryAcquire()).toBeDefined()
  expect(client.$stats().errors).toEqual({})
})

test('links that are killed at random: every call settles in time, the breaker closes, and nothing stays held', async () => {
  const seen = await workOverKilledLinks(server, 2_000)
  expect(seen.done).toBeGreaterThan(0)
})
