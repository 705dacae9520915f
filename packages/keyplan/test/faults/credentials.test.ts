import { connectResp, type RespConnection, startProxy, startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { becomes, ending, figure, open } from './client-under-fault.ts'
import { openLedger } from './ledger.ts'

async function started(options: Parameters<typeof startRedis>[0]) {
  const server = await startRedis(options)
  onTestFinished(server.cleanUp)
  return server
}

const fatal = { code: 'AUTH_FAILED', outcome: 'not-executed', exitCode: 77 }

test.each([
  ['wrong for the default user, which asks for none', {}, undefined],
  ['wrong for a user who has another', { users: [{ name: 'app', password: 'right', rules: '~* &* +@all' }] }, 'app'],
  ['for a user who is not there', {}, 'nobody'],
])('a password that is %s is fatal, and nobody is let in as someone else', async (_, options, user = '') => {
  const server = await started(options)
  const url = `redis://${user}:wrong@127.0.0.1:${server.port}`
  await server.ask('CONFIG', 'RESETSTAT')
  for (const start of ['optional', 'required'] as const) {
    await expect(open(url, { start })).rejects.toMatchObject(fatal)
  }
  expect(String(await server.ask('CLIENT', 'LIST'))).not.toMatch(/name=keyplan/)
  expect(String(await server.ask('INFO', 'commandstats'))).not.toMatch(/cmdstat_(ping|set|client\|setname)/)
})

test('a password that becomes wrong while the client runs is fatal to calls, tried ever more slowly, and heals', async () => {
  const server = await started({ password: 'first' })
  const { client, told, lines } = await open(server.url, { backoff: { min: '20ms', max: '200ms' } })
  const connected = told('connected')
  await client.$command('set', ['k', 'v'])
  const admin = await server.connect()
  onTestFinished(admin.close)
  await admin.ask('CONFIG', 'SET', 'requirepass', 'second')
  // Who is in stays in, until the link is lost.
  expect(await client.$command('get', ['k'])).toBe('v')
  await admin.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await becomes(() => client.$status.error?.code === 'AUTH_FAILED')
  for (let call = 0; call < 3; call++) expect(await ending(client.$command('get', ['k']))).toMatchObject(fatal)
  expect(await client.copy({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  expect(lines.filter(line => /^cannot connect/.test(line)).length).toBe(1)
  await admin.ask('CONFIG', 'SET', 'requirepass', 'first')
  await becomes(() => client.$status.state === 'connected')
  expect(connected.length).toBe(1)
  expect(await client.$command('get', ['k'])).toBe('v')
})

test('a password is rotated without a call that fails: two are valid for a while, and each link asks for it anew', async () => {
  using ledger = openLedger()
  const server = await started({ users: [{ name: 'app', password: 'old', rules: '~* &* +@all' }] })
  const vault = { password: 'old', asked: 0 }
  const password = () => {
    vault.asked++
    return vault.password
  }
  const { client } = await open(`redis://app@127.0.0.1:${server.port}`, { password })
  let on = true
  const writing = Promise.all(
    Array.from({ length: 5 }, async (_, writer) => {
      for (let index = 0; on; index++) {
        const id = `${writer}/${index}`
        await ledger.run(id, () => client.page({ id }).set(id))
      }
    }),
  )
  const admin = await server.connect()
  onTestFinished(admin.close)
  const links = async () => String(await admin.ask('CLIENT', 'LIST')).match(/user=app/g)?.length ?? 0
  await admin.ask('ACL', 'SETUSER', 'app', '>new')
  vault.password = 'new'
  await admin.ask('CLIENT', 'KILL', 'USER', 'app')
  await becomes(async () => (await links()) > 0 && client.$status.state === 'connected')
  await admin.ask('ACL', 'SETUSER', 'app', '<old')
  await admin.ask('CLIENT', 'KILL', 'USER', 'app')
  await becomes(async () => (await links()) > 0 && client.$status.state === 'connected')
  on = false
  await writing
  expect(vault.asked).toBeGreaterThanOrEqual(3)
  expect(ledger.errors).toEqual([])
  for (const id of ledger.ids('done')) expect(await admin.ask('EXISTS', `page:${id}`)).toBe(1)
})

test('a server that takes no more clients says so, is not stormed, and is joined when there is room', async () => {
  const server = await started({ args: { maxclients: 12 } })
  const proxy = await startProxy({ to: server.port })
  onTestFinished(() => proxy.close())
  const { client, told } = await open(`redis://127.0.0.1:${proxy.port}`, { backoff: { min: '50ms', max: '200ms' } })
  const unreachable = told('unreachable')
  await client.$command('set', ['k', 'v'])
  const crowd: RespConnection[] = []
  await proxy.reset()
  while (crowd.length < 12) {
    const one = await connectResp({ port: server.port })
    const reply = await one.ask('PING').catch(() => 'no room')
    if (reply === 'PONG') crowd.push(one)
  }
  await proxy.pass()
  await becomes(() => client.$status.error?.code === 'MAX_CLIENTS')
  const before = proxy.totals.connections
  const begun = performance.now()
  expect(await client.copy({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  const waiting = client.$command('get', ['k'], { deadline: '20s' })
  expect(await ending(client.$command('get', ['k'], { deadline: '1s' }), 1_000)).toMatchObject({
    outcome: 'not-executed',
  })
  // The pause has grown to 150 ms at least by then.
  const attempts = proxy.totals.connections - before
  expect(attempts).toBeLessThanOrEqual((performance.now() - begun) / 150 + 3)
  expect(await crowd[0]!.ask('INFO', 'stats')).toMatch(/rejected_connections:[1-9]/)
  for (const one of crowd.slice(1)) one.close()
  expect(await waiting).toBe('v')
  expect(unreachable.length).toBeGreaterThan(0)
  crowd[0]!.close()
  expect(Number(await figure(server, 'rejected_connections'))).toBeGreaterThan(0)
})
