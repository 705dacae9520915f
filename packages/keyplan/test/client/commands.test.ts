import { type FaultProxy, type RedisProcess, type RespConnection, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { cache, definePlan, foreign, lock, text } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('shop', {
  page: cache('page:<id>', { ttl: '1m', value: text() }),
  checkout: lock('checkout:<id>', { ttl: '5s' }),
  visits: foreign('visits:<page>', { kind: 'hash', durability: 'evictable' }),
})

let durable: RedisProcess
let evictable: RedisProcess
let direct: RespConnection
let proxy: FaultProxy

beforeAll(async () => {
  ;[durable, evictable] = await Promise.all([startRedis(), startRedis()])
  direct = await durable.connect()
  proxy = await startProxy({ to: durable.port })
})
afterAll(async () => {
  direct.close()
  await Promise.all([proxy.close(), durable.cleanUp(), evictable.cleanUp()])
})
beforeEach(async () => {
  await proxy.pass()
  await direct.ask('FLUSHALL')
})

async function open(options: ConnectOptions = {}) {
  const backoff = { min: '10ms', max: '50ms' } as const
  const client = await connect(plan, { url: `redis://127.0.0.1:${proxy.port}`, backoff, log: () => {}, ...options })
  onTestFinished(() => client.$close())
  return client
}

test('any command runs on the keys of the plan, the prefix included', async () => {
  const client = await open({ prefix: 'test:' })
  const key = client.visits.key({ page: 'home' })
  expect(key).toBe('test:visits:home')
  expect(await client.$command('hincrby', [key, 'count', 2])).toBe(2)
  expect(await client.$command('HGETALL', [key])).toEqual(['count', '2'])
  expect(await direct.ask('HGET', key, 'count')).toBe('2')
})

test('bytes go out and come back as they are, if asked for', async () => {
  const client = await open()
  const raw = Uint8Array.from({ length: 256 }, (_, index) => index)
  const part = new Uint8Array(raw.buffer, 100, 50)
  await client.$command('set', ['raw', raw])
  await client.$command('rpush', ['list', part, Buffer.alloc(0), ''])
  const encoding = 'bytes'
  expect(await client.$command('get', ['raw'], { encoding })).toEqual(Buffer.from(raw))
  const empty = Buffer.alloc(0)
  expect(await client.$command('lrange', ['list', 0, -1], { encoding })).toEqual([Buffer.from(part), empty, empty])
  const commands = [['getrange', 'raw', 254, 255] as const, ['strlen', 'raw'] as const]
  expect(await client.$batch(commands, { encoding })).toEqual([Buffer.from([254, 255]), 256])
  expect(await client.$transaction(commands, { encoding })).toEqual([Buffer.from([254, 255]), 256])
  expect(
    await client.$transaction([
      ['get', 'list:none'],
      ['echo', 'é'],
    ]),
  ).toEqual([null, 'é'])
})

test('a batch is answered command by command, with errors in their places', async () => {
  const client = await open({ attempt: '5s' })
  const answers = await client.$batch([
    ['set', 'k', 'x'],
    ['incr', 'k'],
    ['lpush', 'k', 'y'],
    ['get', 'k'],
    ['nonsense'],
  ])
  expect(answers).toEqual([
    'OK',
    expect.objectContaining({ code: 'SERVER', outcome: 'not-executed' }),
    expect.objectContaining({ code: 'WRONG_TYPE', outcome: 'not-executed' }),
    'x',
    expect.objectContaining({ code: 'UNSUPPORTED', outcome: 'not-executed' }),
  ])
  expect(await client.$batch([])).toEqual([])
  const numbers = Array.from({ length: 5_000 }, (_, index) => ['rpush', 'order', index] as const)
  expect(await client.$batch(numbers)).toEqual(numbers.map((_, index) => index + 1))
  expect(await direct.ask('LRANGE', 'order', '0', '-1')).toEqual(numbers.map((_, index) => String(index)))
})

test('a batch that nobody could serve is an error; of one that was cut, each command says what became of it', async () => {
  const client = await open()
  await proxy.refuse()
  const refused = client.$batch(
    [
      ['incr', 'n'],
      ['incr', 'n'],
    ],
    { deadline: '200ms' },
  )
  await expect(refused).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed', namespace: '$batch' })
  await proxy.pass()
  await client.$command('ping')
  // ":1\r\n" is the first reply.
  await proxy.cut(4)
  const cut = await client.$batch([
    ['incr', 'n'],
    ['incr', 'n'],
    ['incr', 'n'],
  ])
  const unknown = expect.objectContaining({ code: 'DISCONNECTED', outcome: 'unknown' })
  expect(cut).toEqual([1, unknown, unknown])
  await proxy.pass()
  await client.$command('ping')
  await proxy.swallowReplies()
  const lost = client.$batch([
    ['incr', 'n'],
    ['incr', 'n'],
  ])
  await until(async () => (await direct.ask('GET', 'n')) === '5')
  await proxy.reset()
  await expect(lost).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'unknown' })
})

test('what only reads is sent again after a lost reply; what may write is not', async () => {
  const client = await open()
  await client.$command('set', ['k', 'v'])
  for (const [command, reply] of [
    [['get', 'k'], 'v'],
    [['LRANGE', 'none', '0', '1'], []],
  ] as const) {
    const before = proxy.totals.bytesSwallowed
    await proxy.swallowReplies()
    const [name, ...args] = command
    const call = client.$command(name, args)
    await until(() => proxy.totals.bytesSwallowed > before)
    await proxy.pass()
    expect(await call).toEqual(reply)
  }
  expect(client.$stats().namespaces.$command?.retries).toBeGreaterThan(0)
})

const bad: [string, unknown, unknown][] = [
  ['an empty name', '', []],
  ['no name', undefined, []],
  ['a name that is a number', 5, []],
  ['a string for arguments', 'get', 'key'],
  ['null for arguments', 'get', null],
  ['an argument that is undefined', 'set', ['k', undefined]],
  ['an argument that is null', 'set', ['k', null]],
  ['a boolean', 'set', ['k', true]],
  ['an object', 'set', ['k', { secret: 1 }]],
  ['a nested list', 'del', [['a', 'b']]],
  ['a date', 'set', ['k', new Date()]],
  ['no number', 'expire', ['k', Number.NaN]],
  ['an endless number', 'expire', ['k', Number.POSITIVE_INFINITY]],
  ['what would silence the link', 'replconf', ['ack', '0']],
  ['what would debug the link', 'script', ['debug', 'yes']],
  ['what would block the link', 'xread', ['block', 0, 'streams', 's', '$']],
]
test.each(bad)('%s is refused before anything is sent', async (_, name, args) => {
  const client = await open()
  const before = proxy.totals.bytesUp
  const refused = { code: 'PARAM_INVALID' }
  const one = [name, ...(Array.isArray(args) ? args : [args])]
  await expect(client.$command(name as string, args as string[])).rejects.toMatchObject(refused)
  if (Array.isArray(args)) {
    await expect(client.$batch([['set', 'k', 'v'], one as never])).rejects.toMatchObject(refused)
    await expect(client.$transaction([['set', 'k', 'v'], one as never])).rejects.toMatchObject(refused)
  }
  expect(proxy.totals.bytesUp).toBe(before)
})

test.each([undefined, null, 'get k', [['get', 'k'], 'get'], [[]], { 0: ['get', 'k'] }])(
  'a list of commands that is %j is refused',
  async commands => {
    const client = await open()
    await expect(client.$batch(commands as never)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
    await expect(client.$transaction(commands as never)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
  },
)

// To count that far would keep this process busy for seconds, or for ever.
test.each([
  ['eval', ['return 1', 99_999_999, 'k']],
  ['EVAL', ['return 1', '1e999', 'k']],
  ['zunionstore', ['k', '1e999', 'a']],
  ['sintercard', ['Infinity', 'a']],
  ['lmpop', [99_999_999, 'a', 'LEFT']],
])('a count of keys that cannot be is for the server to refuse: %s %j', async (command, args) => {
  const client = await open()
  await expect(client.$command(command, args)).rejects.toMatchObject({ code: 'SERVER', outcome: 'not-executed' })
})

test('a stream may be called as an option is', async () => {
  const client = await open()
  const id = await client.$command('xadd', ['block', '*', 'a', 1])
  expect(await client.$command('xread', ['count', 1, 'streams', 'block', 0])).toEqual([['block', [[id, ['a', '1']]]]])
})

test('in memory there is no server to ask, and nothing is left open', async () => {
  const client = await open({ url: undefined, memory: true })
  const refused = { code: 'UNSUPPORTED', message: expect.stringMatching(/needs a server/) }
  await expect(client.$command('get', ['k'])).rejects.toMatchObject(refused)
  await expect(client.$batch([['get', 'k']])).rejects.toMatchObject(refused)
  await expect(client.$transaction([['get', 'k']])).rejects.toMatchObject(refused)
  expect(client.page.key({ id: 1 })).toBe('page:1')
})

test('each command goes to the server of its key, and one without a key where it is told', async () => {
  const servers = { cache: { url: evictable.url }, durable: { url: durable.url } }
  const client = await open({ url: undefined, servers })
  const page = client.page.key({ id: 1 })
  await client.$command('set', [page, 'a page'])
  await client.$command('set', ['of nobody', 'x'])
  await client.$batch([
    ['hset', client.visits.key({ page: 1 }), 'count', 1],
    ['get', page],
  ])
  await client.$transaction([['set', client.checkout.key({ id: 1 }), 'x']])
  const keys = async (server: 'cache' | 'durable' | undefined) =>
    ((await client.$command('keys', ['*'], { server })) as string[]).sort()
  expect(await keys('cache')).toEqual(['page:1', 'visits:1'])
  expect(await keys('durable')).toEqual(['checkout:1', 'of nobody'])
  expect(await keys(undefined)).toEqual(await keys('durable'))
  const both = [
    ['get', page],
    ['get', client.checkout.key({ id: 1 })],
  ] as const
  const mixed = { code: 'PARAM_INVALID', message: expect.stringMatching(/two servers/) }
  await expect(client.$batch(both)).rejects.toMatchObject(mixed)
  await expect(client.$transaction(both)).rejects.toMatchObject(mixed)
  await expect(client.$command('mget', [page, 'of nobody'])).rejects.toMatchObject(mixed)
  const nowhere = client.$command('ping', [], { server: 'primary' as never })
  await expect(nowhere).rejects.toMatchObject({ code: 'PARAM_INVALID' })
})
