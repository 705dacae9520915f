import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { becomes, ending, figure, open, refusals } from './client-under-fault.ts'
import { openLedger } from './ledger.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis({ args: { 'busy-reply-threshold': 50, 'enable-debug-command': 'yes' } })
})
afterAll(() => server.cleanUp())
beforeEach(() => server.ask('FLUSHALL'))

async function admin() {
  const connection = await server.connect()
  onTestFinished(connection.close)
  return connection
}

test('a script that does not end: calls are told BUSY, and those that can wait are served after SCRIPT KILL', async () => {
  const { client, told } = await open(server.url)
  const lost = told('reconnecting')
  const runaway = (await admin()).ask('EVAL', 'while true do end', '0')
  await becomes(() =>
    server.ask('PING').then(
      () => false,
      error => /BUSY/.test(String(error)),
    ),
  )
  const patient = [
    client.$command('incr', ['n'], { deadline: '20s' }),
    client.page({ id: 1 }).set('text', { deadline: '20s' }),
  ]
  const busy = { code: 'BUSY', outcome: 'not-executed' }
  expect(await ending(client.$command('incr', ['n'], { deadline: '300ms' }), 300)).toMatchObject(busy)
  expect(await ending(client.door({ id: 1 }).tryAcquire({ deadline: '300ms' }), 300)).toMatchObject(busy)
  expect(await client.copy({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  await server.ask('SCRIPT', 'KILL')
  expect(String(await runaway)).toMatch(/killed/)
  expect(await Promise.all(patient)).toEqual([1, 'done'])
  expect(await refusals(server, 'BUSY')).toBeGreaterThan(2)
  expect(lost).toEqual([])
})

test.each([
  ['a pause of everything', ['CLIENT', 'PAUSE', '500', 'ALL']],
  ['a command that takes its time', ['DEBUG', 'SLEEP', '0.5']],
])('%s, shorter than a stall, delays calls: same link, right replies, no breaker', async (_, words) => {
  const { client, told } = await open(server.url, { stall: '3s', attempt: '3s' })
  const events = [told('reconnecting'), told('breaker'), told('degraded')]
  const connections = await figure(server, 'total_connections_received')
  const connection = await admin()
  const pausing = connection.ask(...words)
  const calls = Array.from({ length: 200 }, (_, index) => client.$command('echo', [index]))
  expect(await Promise.all(calls)).toEqual(calls.map((_, index) => String(index)))
  await pausing
  expect(events).toEqual([[], [], []])
  // The three are of this test.
  expect(Number(await figure(server, 'total_connections_received'))).toBe(Number(connections) + 2)
})

test('a pause of writes holds them up alone, each is made once, and reads are served meanwhile', async () => {
  using ledger = openLedger()
  const { client } = await open(server.url)
  await client.page({ id: 1 }).set('text')
  await server.ask('CLIENT', 'PAUSE', '60000', 'WRITE')
  const own = await open(server.url)
  const writes = Array.from({ length: 50 }, (_, index) =>
    ledger.run(`${index}`, () => client.$command('sadd', ['all', index], { deadline: '800ms' })),
  )
  expect(await own.client.page({ id: 1 }).get()).toBe('text')
  expect(await Promise.all(writes)).toEqual(Array(50).fill('unknown'))
  await server.ask('CLIENT', 'UNPAUSE')
  expect(ledger.ids('unknown').length).toBe(50)
  expect(await ledger.run('later', () => client.$command('sadd', ['all', 'later']))).toBe('done')
  expect(await server.ask('SISMEMBER', 'all', 'later')).toBe(1)
  expect(client.$status.state).toBe('connected')
})
