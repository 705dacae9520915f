import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { becomes, open, refusals } from '../client-under-fault.ts'
import { median, quantile, report } from '../figures.ts'
import { openLedger } from '../ledger.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

test('30 s of CLIENT KILL of every kind, every 300 ms', async () => {
  using ledger = openLedger()
  const { client, told } = await open(server.url, { backoff: { min: '50ms', max: '2s' } })
  const lost = told('reconnecting')
  let on = true
  let turns = 0
  const writing = Promise.all(
    Array.from({ length: 10 }, async (_, writer) => {
      for (let index = 0; on; index++) {
        const id = `${writer}/${index}`
        await ledger.run(id, () => client.$command('hincrby', ['all', id, 1]))
        await sleep(1)
      }
    }),
  )
  const waiting = Promise.all(
    Array.from({ length: 5 }, async () => {
      while (on) {
        const held = await client
          .door({ id: 'turn' })
          .acquire({ wait: '20s' })
          .catch(() => undefined)
        if (held) turns++
        await held?.release().catch(() => false)
      }
    }),
  )
  const admin = await server.connect()
  for (let kill = 0; kill < 100; kill++) {
    await admin.ask('CLIENT', 'KILL', 'TYPE', kill % 2 === 0 ? 'pubsub' : 'normal', 'SKIPME', 'yes')
    await sleep(300)
  }
  on = false
  await Promise.all([writing, waiting])
  const all = (await admin.ask('HGETALL', 'all')) as string[]
  admin.close()
  const ids = new Set(all.filter((_, index) => index % 2 === 0))
  const doubled = all.filter((count, index) => index % 2 === 1 && count !== '1').length
  const missing = ledger.ids('done').filter(id => !ids.has(id)).length
  const ghosts = ledger.ids('failed').filter(id => ids.has(id)).length
  report('CLIENT KILL for 30 s', {
    'links lost': lost.length,
    done: ledger.ids('done').length,
    unknown: ledger.ids('unknown').length,
    failed: ledger.ids('failed').length,
    lost: missing,
    ghosts,
    doubled,
    'turns of a lock': turns,
  })
  expect([missing, ghosts, doubled, ledger.open().length]).toEqual([0, 0, 0, 0])
  expect(lost.length).toBeGreaterThan(10)
})

test('what SCRIPT FLUSH in a loop costs', async () => {
  const { client } = await open(server.url)
  const round = async (flushing: boolean) => {
    const admin = await server.connect()
    const times: number[] = []
    let on = true
    const flushes = (async () => {
      while (flushing && on) await admin.ask('SCRIPT', 'FLUSH', 'ASYNC')
    })()
    await Promise.all(
      Array.from({ length: 20 }, async (_, id) => {
        for (let index = 0; index < 200; index++) {
          const begun = performance.now()
          await client.page({ id: `${id}/${index}` }).set('text')
          times.push(performance.now() - begun)
        }
      }),
    )
    on = false
    await flushes
    admin.close()
    return { median: median(times), p99: quantile(times, 0.99) }
  }
  await round(false)
  const calm = await round(false)
  const before = await refusals(server, 'NOSCRIPT')
  const flushed = await round(true)
  report('4,000 scripts, ms', {
    'calm, median': calm.median,
    'calm, p99': calm.p99,
    'flushed, median': flushed.median,
    'flushed, p99': flushed.p99,
    refusals: (await refusals(server, 'NOSCRIPT')) - before,
    retries: client.$stats().retries,
  })
  expect(client.$stats().errors).toEqual({})
})

test('what a value of 64 MB costs its neighbours on the link', async () => {
  const { client, told } = await open(server.url, { attempt: '25s', deadline: '25s' })
  const lost = told('reconnecting')
  const value = Buffer.alloc(64 * 1_048_576, 'k')
  const times: number[] = []
  const large: number[] = []
  let on = true
  const neighbours = (async () => {
    for (let index = 0; on; index++) {
      const begun = performance.now()
      expect(await client.$command('echo', [index])).toBe(String(index))
      times.push(performance.now() - begun)
      await sleep(1)
    }
  })()
  for (let round = 0; round < 5; round++) {
    const begun = performance.now()
    await client.$command('set', ['huge', value])
    await client.$command('get', ['huge'], { encoding: 'bytes' })
    large.push(performance.now() - begun)
    await sleep(200)
  }
  on = false
  await neighbours
  report('64 MB there and back, ms', { median: median(large), worst: Math.max(...large) })
  report('echo beside it, ms', { median: median(times), p99: quantile(times, 0.99), worst: Math.max(...times) })
  expect(lost).toEqual([])
  await becomes(() => client.$status.state === 'connected')
})
