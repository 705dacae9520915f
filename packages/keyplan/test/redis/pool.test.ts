import { connectResp, type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callFor, openTarget, sender, until } from '../live-server.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const open = () => openTarget({ addresses: [{ host: '127.0.0.1', port: server.port }], pool: 3 })

/** The command links of this test's clients, on the server. */
async function links(): Promise<string[]> {
  const list = String(await server.ask('CLIENT', 'LIST'))
  return list.split('\n').filter(line => /name=keyplan:test:commands/.test(line))
}

test('keys are spread over the links, and each keeps its order on its own', async () => {
  await using live = open()
  await until(() => live.connection.state === 'ready')
  expect((await links()).length).toBe(3)
  const send = sender(live)
  const keys = Array.from({ length: 30 }, (_, index) => `key:${index}`)
  await Promise.all(
    keys.flatMap(key => Array.from({ length: 50 }, (_, value) => send(value % 2 ? 'append' : 'set', [key, value]))),
  )
  for (const key of keys) expect(await send('get', [key])).toBe('4849')
  const used = (await links()).map(line => Number(/tot-net-in=(\d+)|qbuf/.exec(line) ? 1 : 0))
  expect(used.length).toBe(3)
})

test('a transaction stays on one link, whatever else is sent', async () => {
  await using live = open()
  await until(() => live.connection.state === 'ready')
  const send = sender(live)
  const key = 'tx'
  await send('set', [key, 0])
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      Promise.all([
        live.redis.transact(
          [
            ['incr', key],
            ['incr', key],
          ],
          callFor(),
        ),
        send('set', [`other:${index}`, index]),
      ]),
    ),
  )
  for (const [[first, second]] of results as unknown as [number[]][]) expect(second).toBe(first! + 1)
  expect(await send('get', [key])).toBe('200')
})

test('when one link is lost all are replaced, and no call is left without an answer', async () => {
  await using live = open()
  await until(() => live.connection.state === 'ready')
  const send = sender(live, { idempotent: true })
  const ids = (await links()).map(line => /^id=(\d+)/.exec(line)![1]!)
  const plain = await connectResp({ port: server.port })
  const calls = Array.from({ length: 300 }, (_, index) => send('set', [`lost:${index}`, index]))
  await plain.ask('CLIENT', 'KILL', 'ID', ids[1]!)
  await Promise.all(calls)
  await until(async () => (await links()).length === 3)
  expect((await links()).map(line => /^id=(\d+)/.exec(line)![1])).not.toEqual(expect.arrayContaining([ids[0]]))
  plain.close()
})
