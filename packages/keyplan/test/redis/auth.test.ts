import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import {
  connectResp,
  type FaultProxy,
  type RedisProcess,
  type RespConnection,
  startProxy,
  startRedis,
} from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { callFor, type LiveServer, openTo, sender, until } from '../live-server.ts'

const password = 'canary @:/#%?é"\'secret'

let open: RedisProcess
let locked: RedisProcess
let admin: RespConnection
let proxy: FaultProxy
let live: LiveServer

beforeAll(async () => {
  open = await startRedis()
  locked = await startRedis({ password })
  admin = await connectResp({ port: locked.port })
  await admin.ask('AUTH', password)
  await admin.ask(
    'ACL',
    'SETUSER',
    'app',
    'on',
    `>${password}`,
    '~app:*',
    '&*',
    '+@all',
    '-@dangerous',
    '-info',
    '-time',
  )
})
afterAll(async () => {
  admin.close()
  await Promise.all([open.cleanUp(), locked.cleanUp()])
})
beforeEach(async () => {
  proxy = await startProxy({ to: locked.port })
})
afterEach(async () => {
  await live.close()
  await proxy.close()
})

const decided = () => until(() => live.connection.state !== 'connecting')

test.each([
  ['no user', undefined],
  ['the default user', 'default'],
])(
  'a password for %s is refused by a server that asks for none: nobody is let in as someone else',
  async (_, username) => {
    live = openTo(open.port, { username, password: () => password })
    const waiting = sender(live)('ping')
    await expect(waiting).rejects.toMatchObject({ code: 'AUTH_FAILED', outcome: 'not-executed' })
    expect(live.connection.state).toBe('down')
    expect(live.connection.error?.message).toMatch(/no password on its default user/)
  },
)

test.each([
  ['a wrong password', () => 'wrong', undefined],
  ['a wrong password of a user', () => 'wrong', 'app'],
  ['an unknown user', () => password, 'nobody'],
  ['no password', undefined, undefined],
])('%s is AUTH_FAILED', async (_, given, username) => {
  live = openTo(locked.port, { username, password: given })
  await decided()
  expect(live.connection.error).toMatchObject({ code: 'AUTH_FAILED' })
})

test('the right password, and a user of few permissions, are let in', async () => {
  live = openTo(locked.port, { password: () => password })
  expect(await sender(live)('acl', ['WHOAMI'])).toBe('default')
  await live.close()
  live = openTo(locked.port, { username: 'app', password: () => password })
  expect(await sender(live)('set', ['app:1', 'x'])).toBe('OK')
  // It may not ask for the version or the time, and works without.
  expect(live.connection.version).toBe(undefined)
  expect(Math.abs(live.redis.serverTime('any') - Date.now())).toBeLessThan(60_000)
  await expect(sender(live)('get', ['other'])).rejects.toMatchObject({ code: 'NO_PERMISSION', outcome: 'not-executed' })
  await expect(sender(live)('keys', ['*'])).rejects.toThrow(/permissions to run the 'keys' command/)
})

test('the password is asked for anew at every connection', async () => {
  const server = await startRedis({ password: 'first' })
  const passwords = ['first', 'stale', 'second']
  let asked = 0
  live = openTo(server.port, { password: async () => passwords[asked++] ?? 'second' })
  expect(await sender(live)('config', ['SET', 'requirepass', 'second'])).toBe('OK')
  await sender(live)('client', ['KILL', 'SKIPME', 'no', 'TYPE', 'normal']).catch(() => {})
  await until(() => live.events.filter(({ type }) => type === 'ready').length === 2)
  expect(asked).toBe(3)
  await server.cleanUp()
})

test('a password that cannot be had is an outage, and one that is never told does not hold up the others', async () => {
  let asked = 0
  live = openTo(locked.port, {
    connectTimeout: 100,
    password: () => {
      asked++
      if (asked === 1) throw new Error('the vault is sealed')
      return asked === 2 ? new Promise<never>(() => {}) : password
    },
  })
  await decided()
  expect(live.connection.error).toMatchObject({ code: 'DISCONNECTED', cause: new Error('the vault is sealed') })
  expect(await sender(live)('ping')).toBe('PONG')
  expect(asked).toBe(3)
})

test('closing does not wait for a password', async () => {
  live = openTo(locked.port, { password: () => new Promise<never>(() => {}) })
  await live.close()
  await until(
    async () => (await admin.ask('CLIENT', 'LIST', 'TYPE', 'normal'))?.toString().trim().split('\n').length === 1,
  )
})

test('the password shows nowhere: in no error, event, object, argument or list of clients', async () => {
  const shown: unknown[] = []
  const errors: unknown[] = []
  live = openTo(proxy.port, { username: 'app', password: () => password })
  const send = sender(live)
  const attempts = [
    send('set', ['other', password]),
    send('get', []),
    send('nonsense', [password]),
    live.redis.send('evalsha', [password, 0], callFor()),
    live.redis.send('auth', ['app', `${password}wrong`], callFor()),
    live.redis.send('hello', ['3', 'AUTH', 'app', `${password}wrong`], callFor()),
  ]
  for (const attempt of attempts) errors.push(await attempt.catch(error => error))
  await proxy.swallowReplies()
  const lost = send('set', ['app:1', password]).catch(error => error)
  await until(() => proxy.totals.bytesSwallowed > 0)
  await proxy.refuse()
  errors.push(await lost)
  await live.close()

  live = openTo(locked.port, { password: () => password })
  await decided()
  errors.push(await sender(live)('acl', ['SETUSER', 'x', `?${password}`]).catch(error => error))
  errors.push(await sender(live)('config', ['SET', password, password]).catch(error => error))
  expect(errors.map(error => (error as Error).name)).toEqual(Array(errors.length).fill('KeyplanError'))

  shown.push(...errors, live.events, live, process.argv, readFileSync('/proc/self/cmdline', 'utf8'))
  shown.push(await admin.ask('CLIENT', 'LIST'), ...errors.map(error => (error as Error).stack))
  const text = shown
    .map(thing => `${inspect(thing, { depth: 20, showHidden: true })} ${JSON.stringify(thing)}`)
    .join('\n')
  for (const form of [password, encodeURIComponent(password), Buffer.from(password).toString('base64'), 'canary']) {
    expect(text.includes(form)).toBe(false)
  }
})

test('a server that takes no more clients says so', async () => {
  const server = await startRedis({ args: { maxclients: 1 } })
  const only = await connectResp({ port: server.port })
  live = openTo(server.port)
  await decided()
  expect(live.connection.error).toMatchObject({ code: 'MAX_CLIENTS' })
  only.close()
  expect(await sender(live)('ping')).toBe('PONG')
  await server.cleanUp()
})

test('a unix socket will do', async () => {
  const server = await startRedis({ socket: true })
  live = openTo(0, { path: server.socketPath })
  expect(await sender(live)('ping')).toBe('PONG')
  expect(live.connection.name).toBe(server.socketPath)
  await server.cleanUp()
})
