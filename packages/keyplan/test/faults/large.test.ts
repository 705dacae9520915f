import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { ending, figure, open } from './client-under-fault.ts'
import { openLedger } from './ledger.ts'

const mb = 1_048_576

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  await server.ask('CONFIG', 'SET', 'proto-max-bulk-len', String(512 * mb))
  await server.ask('FLUSHALL')
})

const connections = async () => Number(await figure(server, 'total_connections_received'))

/** A line that carries so much a second towards the server. */
async function slowLine(bytesPerSecond: number): Promise<string> {
  const sockets = new Set<Socket>()
  const line = createServer(client => {
    const far = createConnection(server.port, '127.0.0.1')
    for (const socket of [client, far]) {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          client.destroy()
          far.destroy()
        })
    }
    far.pipe(client)
    void (async () => {
      for await (const chunk of client) {
        far.write(chunk)
        await sleep(((chunk as Buffer).length / bytesPerSecond) * 1_000)
      }
    })().catch(() => {})
  })
  line.listen(0, '127.0.0.1')
  await once(line, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    line.close()
  })
  return `redis://127.0.0.1:${(line.address() as { port: number }).port}`
}

test('64 MB go there and back on the link of everybody else, whose calls are answered', async () => {
  const { client, told } = await open(server.url, { attempt: '25s', deadline: '25s' })
  const lost = told('reconnecting')
  const value = Buffer.alloc(64 * mb, 'k')
  value.writeUInt32BE(0xdeadbeef, 32 * mb)
  const before = await connections()
  const echo = async (index: number) => expect(await client.$command('echo', [index])).toBe(String(index))
  const others = Promise.all(Array.from({ length: 100 }, (_, index) => echo(index)))
  const stored = client.$command('set', ['huge', value])
  await Promise.all([stored, others, ...Array.from({ length: 100 }, (_, index) => echo(index))])
  const [read] = await Promise.all([client.$command('get', ['huge'], { encoding: 'bytes' }), echo(0)])
  expect(value.equals(read as Buffer)).toBe(true)
  expect(lost).toEqual([])
  // One is of this test.
  expect(await connections()).toBe(before + 1)
})

test('a value that the server does not take is refused before it is sent, and costs the others nothing', async () => {
  using ledger = openLedger()
  await server.ask('CONFIG', 'SET', 'proto-max-bulk-len', String(mb))
  const { client, told } = await open(server.url)
  const lost = told('reconnecting')
  const write = (id: number) => ledger.run(`${id}`, () => client.$command('sadd', ['all', id]))
  const writes = Array.from({ length: 50 }, (_, id) => write(id))
  const huge = 'x'.repeat(2 * mb)
  const refused = { code: 'VALUE_INVALID', outcome: 'not-executed', retryable: false }
  expect(await ending(client.$command('set', ['huge', huge]))).toMatchObject(refused)
  expect(await ending(client.page({ id: 1 }).set(huge))).toMatchObject({ ...refused, namespace: 'page' })
  expect(
    await ending(
      client.$transaction([
        ['incr', 'n'],
        ['set', 'huge', Buffer.from(huge)],
      ]),
    ),
  ).toMatchObject(refused)
  expect(await client.page({ id: 1 }).getOrLoad(() => huge)).toBe(huge)
  writes.push(...Array.from({ length: 50 }, (_, id) => write(50 + id)))
  expect(await Promise.all(writes)).toEqual(Array(100).fill('done'))
  expect(await server.ask('SCARD', 'all')).toBe(100)
  expect(await server.ask('EXISTS', 'huge', 'n', 'page:1')).toBe(0)
  expect(lost).toEqual([])
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
})

test('of a limit that was lowered meanwhile one call learns, and the server hangs up once', async () => {
  const { client, told } = await open(server.url)
  const lost = told('reconnecting')
  const breaker = told('breaker')
  await server.ask('CONFIG', 'SET', 'proto-max-bulk-len', String(mb))
  const huge = client.page({ id: 1 }).set('x'.repeat(2 * mb))
  const reads = Array.from({ length: 50 }, (_, index) => client.$command('exists', [index]))
  expect(await ending(huge)).toMatchObject({ code: 'VALUE_INVALID' })
  expect(await Promise.all(reads)).toEqual(Array(50).fill(0))
  expect(await ending(client.page({ id: 2 }).set('x'.repeat(2 * mb)))).toMatchObject({ code: 'VALUE_INVALID' })
  expect(lost.length).toBe(1)
  expect(breaker).toEqual([])
})

test('a large value on a slow line keeps the link for as long as it moves', async () => {
  const { client, told } = await open(await slowLine(16 * mb), { attempt: '25s', deadline: '25s', stall: '2s' })
  const lost = told('reconnecting')
  expect(await client.$command('set', ['huge', Buffer.alloc(64 * mb)])).toBe('OK')
  expect(await server.ask('STRLEN', 'huge')).toBe(64 * mb)
  expect(lost).toEqual([])
})
