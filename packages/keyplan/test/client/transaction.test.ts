import { type FaultProxy, type RedisProcess, type RespConnection, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, foreign } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('shop', { stock: foreign('stock:<id>', { kind: 'hash' }) })

let server: RedisProcess
let direct: RespConnection
let proxy: FaultProxy

beforeAll(async () => {
  const all = '~* &* +@all'
  server = await startRedis({
    users: [
      { name: 'plain', password: 'p', rules: `${all} -multi` },
      { name: 'halting', password: 'p', rules: `${all} -exec` },
      { name: 'without', password: 'p', rules: `${all} -@transaction` },
      { name: 'brief', password: 'p', rules: all },
      { name: 'reader', password: 'p', rules: `${all} -@write` },
    ],
  })
  direct = await server.connect()
  proxy = await startProxy({ to: server.port })
})
afterAll(async () => {
  direct.close()
  await Promise.all([proxy.close(), server.cleanUp()])
})
beforeEach(async () => {
  await proxy.pass()
  await direct.ask('CONFIG', 'SET', 'maxmemory', '0')
  await direct.ask('FLUSHALL')
})

async function open(url = `redis://127.0.0.1:${proxy.port}`) {
  const client = await connect(plan, { url, backoff: { min: '10ms', max: '50ms' }, log: () => {}, start: 'required' })
  onTestFinished(() => client.$close())
  return client
}

test('its commands run as one, whatever others send meanwhile', async () => {
  const client = await open()
  const others = Promise.all(Array.from({ length: 500 }, () => client.$command('incr', ['n'])))
  const transactions = Array.from({ length: 100 }, () =>
    client.$transaction([
      ['get', 'n'],
      ['incr', 'n'],
      ['get', 'n'],
    ]),
  )
  for (const [before, after, same] of await Promise.all(transactions)) {
    expect([after, same]).toEqual([Number(before) + 1, String(after)])
  }
  expect(new Set(await others).size).toBe(500)
  expect(await direct.ask('GET', 'n')).toBe('600')
  expect(await client.$transaction([])).toEqual([])
})

test('a command that fails while it runs has its error in its place, and the others are done', async () => {
  const client = await open()
  const answers = await client.$transaction([
    ['set', 'k', 'x'],
    ['lpush', 'k', 'y'],
    ['incr', 'k'],
    ['append', 'k', 'z'],
  ])
  expect(answers).toEqual([
    'OK',
    expect.objectContaining({ code: 'WRONG_TYPE', outcome: 'not-executed' }),
    expect.objectContaining({ code: 'SERVER', outcome: 'not-executed' }),
    2,
  ])
})

test.each([
  ['a command the server does not know', ['nonsense'], 'UNSUPPORTED'],
  ['the wrong number of arguments', ['get'], 'SERVER'],
] as const)('%s keeps all of them from running, and the link as it was', async (_, wrong, code) => {
  const client = await open()
  const refused = client.$transaction([['set', 'k', 'x'], wrong, ['set', 'l', 'x']])
  await expect(refused).rejects.toMatchObject({ code, outcome: 'not-executed', namespace: '$transaction' })
  expect(await direct.ask('DBSIZE')).toBe(0)
  expect(await client.$command('echo', ['as it was'])).toBe('as it was')
})

test('at maxmemory none of its commands runs, those that would free memory among them', async () => {
  const client = await open()
  await direct.ask('SET', 'k', 'x')
  await direct.ask('CONFIG', 'SET', 'maxmemory', '1')
  const commands = [
    ['del', 'k'],
    ['set', 'l', 'x'],
  ] as const
  const refused = client.$transaction(commands, { deadline: '300ms' })
  await expect(refused).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', outcome: 'not-executed' })
  expect(await direct.ask('EXISTS', 'k', 'l')).toBe(1)
  // One by one, what frees memory is served.
  const alone = await client.$batch([
    ['get', 'k'],
    ['del', 'k'],
  ])
  expect(alone).toEqual(['x', 1])
})

test.each(['plain', 'halting', 'without'])('a user who may not make a transaction (%s) runs none of it', async user => {
  const client = await open(server.urlAs(user))
  const others = Array.from({ length: 50 }, (_, index) => client.$command('echo', [index]))
  for (let attempt = 0; attempt < 2; attempt++) {
    const refused = client.$transaction([
      ['set', 'k', 'x'],
      ['incr', 'n'],
    ])
    await expect(refused).rejects.toMatchObject({
      code: 'NO_PERMISSION',
      outcome: 'not-executed',
      message: expect.stringMatching(/'(multi|exec)'/),
    })
  }
  expect(await direct.ask('DBSIZE')).toBe(0)
  expect(await Promise.all(others)).toEqual(others.map((_, index) => String(index)))
  expect(await client.$command('set', ['k', 'x'])).toBe('OK')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
})

test('a user who may not make one any more is told that its commands ran one by one', async () => {
  const client = await open(server.urlAs('brief'))
  expect(await client.$transaction([['incr', 'n']])).toEqual([1])
  await direct.ask('ACL', 'SETUSER', 'brief', '-multi')
  const refused = client.$transaction([
    ['incr', 'n'],
    ['incr', 'n'],
  ])
  await expect(refused).rejects.toMatchObject({
    code: 'NO_PERMISSION',
    outcome: 'unknown',
    message: expect.stringMatching(/'multi'.*one by one/),
  })
  expect(await direct.ask('GET', 'n')).toBe('3')
  expect(await client.$command('echo', ['as it was'])).toBe('as it was')
})

test('a user who may not write runs none of it', async () => {
  const client = await open(server.urlAs('reader'))
  const refused = client.$transaction([
    ['get', 'k'],
    ['set', 'k', 'x'],
  ])
  await expect(refused).rejects.toMatchObject({ code: 'NO_PERMISSION', message: expect.stringMatching(/'set'/) })
  expect(await client.$transaction([['get', 'k']])).toEqual([null])
})

test('a link that is lost in the middle leaves it unknown, and it is not sent again', async () => {
  const client = await open()
  const commands = [
    ['incr', 'n'],
    ['incr', 'n'],
  ] as const
  await proxy.swallowReplies()
  const lost = client.$transaction(commands)
  await until(async () => (await direct.ask('GET', 'n')) === '2')
  await proxy.reset()
  await expect(lost).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'unknown' })
  await proxy.pass()
  expect(await client.$transaction(commands)).toEqual([3, 4])
  // MULTI and what is queued are answered, EXEC is not.
  await proxy.cut('+OK\r\n+QUEUED\r\n'.length)
  await expect(client.$transaction(commands)).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'unknown' })
  await proxy.pass()
  expect(await client.$command('get', ['n'])).toBe('6')
  await proxy.refuse()
  const never = client.$transaction(commands, { deadline: '100ms' })
  await expect(never).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
})

test('one that waits for the link runs once when it is back', async () => {
  const client = await open()
  await proxy.refuse()
  await until(() => client.$status.state === 'reconnecting')
  const waiting = Array.from({ length: 20 }, () =>
    client.$transaction([
      ['incr', 'n'],
      ['incr', 'n'],
    ]),
  )
  await proxy.pass()
  expect((await Promise.all(waiting)).length).toBe(20)
  expect(await direct.ask('GET', 'n')).toBe('40')
})
