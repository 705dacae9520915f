import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { script } from '../../src/redis/script.ts'
import { callFor, connectTo } from '../live-server.ts'
import { figure, open, refusals } from './client-under-fault.ts'
import { openLedger } from './ledger.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

/** Flushes the scripts again and again until it is told to stop. */
async function flushing() {
  const admin = await server.connect()
  onTestFinished(admin.close)
  let on = true
  const loop = (async () => {
    while (on) await admin.ask('SCRIPT', 'FLUSH', 'SYNC')
  })()
  return async () => {
    on = false
    await loop
  }
}

test('SCRIPT FLUSH under load: every call is made once, and nobody notices', async () => {
  using ledger = openLedger()
  const { client } = await open(server.url)
  const stop = await flushing()
  const rounds = Array.from({ length: 40 }, async (_, id) => {
    for (let round = 0; round < 10; round++) {
      const held = await client.door({ id }).tryAcquire()
      await ledger.run(`${id}/${round}`, async () => {
        expect(await client.page({ id: `${id}/${round}` }).set(`text ${id}`)).toBe('done')
        expect((await client.knocks({ id: `${id}/${round}` }).consume()).remaining).toBe(2)
      })
      expect(await held?.release()).toBe(true)
    }
  })
  await Promise.all(rounds)
  await stop()
  expect(ledger.errors).toEqual([])
  expect(ledger.ids('done').length).toBe(400)
  expect(await refusals(server, 'NOSCRIPT')).toBeGreaterThan(0)
  expect(Number((await figure(server, 'cmdstat_evalsha')) ? 1 : 0)).toBe(1)
  expect(client.$stats().errors).toEqual({})
})

test('scripts of one key that are sent in order run in order', async () => {
  const add = script({
    name: 'add',
    keys: ['log'],
    args: ['entry'],
    reply: Number,
    lua: `return redis.call('RPUSH', log, entry)`,
  })
  await using live = await connectTo(server.port, { scripts: [add] })
  const stop = await flushing()
  const calls: Promise<number>[] = []
  for (let entry = 0; entry < 3_000; entry++) {
    calls.push(live.redis.evaluate(add, { log: 'log' }, { entry }, callFor()))
    if (entry % 7 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index + 1))
  await stop()
  expect(await server.ask('LRANGE', 'log', '0', '-1')).toEqual(calls.map((_, index) => String(index)))
  expect(await refusals(server, 'NOSCRIPT')).toBeGreaterThan(0)
})
