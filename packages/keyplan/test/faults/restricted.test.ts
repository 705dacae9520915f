import { type AclUser, type RedisProcess, type RespConnection, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { becomes, ending, open, refusals, type Subject } from './client-under-fault.ts'

const password = 'secret'
const all = '~* &* +@all'
const users: AclUser[] = [
  { name: 'app', password, rules: '~page:* ~{page:* ~door:* ~{door:* ~knocks:* ~{knocks:* &{door:* +@all -@dangerous' },
  // What an old or a managed server lacks.
  { name: 'plain', password, rules: `${all} -@dangerous -info -client -config -hello -xautoclaim -function -command` },
  { name: 'mute', password, rules: `${all} -ping -script -publish -subscribe` },
  { name: 'deaf', password, rules: '~* +@all resetchannels' },
  { name: 'timeless', password, rules: `${all} -time` },
  { name: 'reader', password, rules: '~* &* +@read +@connection' },
]
const renamed = ['CONFIG', 'KEYS', 'FLUSHALL', 'FLUSHDB', 'DEBUG', 'CLIENT'].map(name => `${name} ""`)

let server: RedisProcess
let bare: RedisProcess
let admin: RespConnection

beforeAll(async () => {
  ;[server, bare] = await Promise.all([startRedis({ users }), startRedis({ args: { 'rename-command': renamed } })])
  admin = await server.connect()
})
afterAll(async () => {
  admin.close()
  await Promise.all([server.cleanUp(), bare.cleanUp()])
})
beforeEach(() => admin.ask('FLUSHALL'))

/** Everything a kind does, once. */
async function everything(client: Subject): Promise<void> {
  await client.page({ id: 1 }).set('text')
  expect(await client.page({ id: 1 }).get()).toBe('text')
  expect(await client.page({ id: 2 }).getOrLoad(() => 'loaded')).toBe('loaded')
  await client.page.invalidateTag('page 1')
  await client.page({ id: 2 }).delete()
  expect(await client.page.getMany([{ id: 1 }, { id: 2 }])).toEqual([undefined, undefined])
  await client.page.clear()
  expect(await client.knocks({ id: 1 }).consume()).toMatchObject({ allowed: true, remaining: 2 })
  const held = await client.door({ id: 1 }).acquire()
  const next = client.door({ id: 1 }).acquire({ wait: '10s' })
  await held?.release()
  await (await next)?.release()
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed', error: undefined })
}

test.each(['plain', 'mute', 'deaf'])('a user of few permissions (%s) is served', async name => {
  const { client } = await open(server.urlAs(name), { start: 'required' })
  await everything(client)
  expect(String(await admin.ask('CLIENT', 'LIST'))).toMatch(new RegExp(` user=${name} `))
})

test('renamed commands are done without: CONFIG, KEYS, FLUSHALL, DEBUG, CLIENT', async () => {
  await expect(bare.ask('CONFIG', 'GET', '*')).rejects.toThrow(/unknown command/)
  await expect(bare.ask('CLIENT', 'LIST')).rejects.toThrow(/unknown command/)
  const { client } = await open(bare.url, { start: 'required' })
  await everything(client)
  expect(await ending(client.$command('config', ['get', '*']))).toMatchObject({ code: 'UNSUPPORTED' })
})

test('a script that may not ask the time is refused as such, and what needs no time is served', async () => {
  const { client } = await open(server.urlAs('timeless'), { start: 'required' })
  expect(await ending(client.door({ id: 1 }).tryAcquire())).toMatchObject({
    code: 'NO_PERMISSION',
    outcome: 'not-executed',
    message: expect.stringMatching(/the script/),
  })
  await client.$command('set', ['page:1', 'text'])
  expect(await client.page({ id: 1 }).get()).toBe('text')
  expect(client.$status.breaker).toBe('closed')
})

test('NOPERM names the permission that is missing, is not tried again, and opens no breaker', async () => {
  const { client } = await open(server.urlAs('app'))
  await everything(client)
  const refused = [
    [client.$command('get', ['other']), /access one of the keys/],
    [client.$command('publish', ['other', 'x']), /access one of the channels/],
    [client.$command('keys', ['*']), /'keys' command/],
    [client.$command('config', ['get', 'maxmemory']), /'config\|get' command/],
    [client.$command('eval', ["return redis.call('FLUSHALL')", 0]), /the script/],
  ] as const
  for (const [call, message] of refused) {
    expect(await ending(call)).toMatchObject({
      code: 'NO_PERMISSION',
      outcome: 'not-executed',
      message: expect.stringMatching(message),
    })
  }
  for (let call = 0; call < 20; call++) await ending(client.$command('get', ['other']))
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  expect(client.$stats()).toMatchObject({ retries: 0, errors: { NO_PERMISSION: 25 } })
  expect(await refusals(server, 'NOPERM')).toBeGreaterThanOrEqual(25)
})

test('a permission that is taken away while the client runs is missed at once, and given back as well', async () => {
  const { client, told } = await open(server.urlAs('reader'))
  const lost = told('reconnecting')
  await admin.ask('SET', 'page:1', 'text')
  await admin.ask('SET', 'copy:1', 'text')
  expect(await client.page({ id: 1 }).get()).toBe('text')
  await admin.ask('ACL', 'SETUSER', 'reader', 'resetkeys', '~copy:*', '~{copy:*')
  expect(await ending(client.page({ id: 1 }).get())).toMatchObject({ code: 'NO_PERMISSION', namespace: 'page' })
  // What others were asked for in the same round trip is not refused with it.
  const [page, copy] = await Promise.all([ending(client.page({ id: 1 }).get()), ending(client.copy({ id: 1 }).get())])
  expect([page, copy]).toEqual([expect.objectContaining({ code: 'NO_PERMISSION' }), 'text'])
  await admin.ask('ACL', 'SETUSER', 'reader', '~page:*', '~{page:*')
  expect(await client.page({ id: 1 }).get()).toBe('text')
  expect(lost).toEqual([])
})

test('a user who is deleted while the client runs is let go, refused as fatal, and served again once there', async () => {
  await admin.ask('ACL', 'SETUSER', 'guest', 'on', `>${password}`, '~*', '&*', '+@all')
  const url = server.urlAs('app').replace('//app:', '//guest:')
  const { client, told } = await open(url)
  const unreachable = told('unreachable')
  await client.page({ id: 1 }).set('text')
  await admin.ask('ACL', 'DELUSER', 'guest')
  await becomes(() => client.$status.error?.code === 'AUTH_FAILED')
  const refused = { code: 'AUTH_FAILED', outcome: 'not-executed' }
  expect(await ending(client.$command('incr', ['n']))).toMatchObject(refused)
  expect(unreachable[0]).toMatchObject({ error: { code: 'AUTH_FAILED' } })
  await admin.ask('ACL', 'SETUSER', 'guest', 'on', `>${password}`, '~*', '&*', '+@all')
  await becomes(() => client.$status.state === 'connected')
  expect(await client.$command('incr', ['n'])).toBe(1)
})
