import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { becomes, ending, figure, open, refusals } from './client-under-fault.ts'

const args = { 'enable-debug-command': 'yes', 'loading-process-events-interval-bytes': 1024 }

async function started(options: Parameters<typeof startRedis>[0]): Promise<RedisProcess> {
  const server = await startRedis(options)
  onTestFinished(server.cleanUp)
  return server
}

test('a server that comes back and loads its data is waited for: neither an error of the link nor of the password', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'keyplan-loading-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const password = 'secret'
  const first = await started({ dir, password, args })
  const { client, told, lines } = await open(first.url)
  const connected = told('connected')
  const breaker = told('breaker')
  await client.$command('set', ['k', 'v'])
  await first.ask('DEBUG', 'POPULATE', '10000', 'filler', '100')
  await first.ask('SAVE')
  await first.stop()
  const again = started({ dir, password, port: first.port, args: { ...args, 'key-load-delay': 150 } })
  await becomes(() => client.$status.error?.code === 'LOADING')

  const read = client.$command('get', ['k'], { deadline: '30s' })
  const write = client.$command('incr', ['n'], { deadline: '30s' })
  const hasty = await ending(client.$command('get', ['n'], { deadline: '200ms' }), 200)
  expect(hasty).toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
  expect(await client.copy({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  expect(client.$status).toMatchObject({ state: 'reconnecting', error: { code: 'LOADING' } })
  const second = await again
  expect([await read, await write]).toEqual(['v', 1])
  expect(await refusals(second, 'LOADING')).toBeGreaterThan(0)
  // Ready once, when it served, and not before.
  expect(connected.length).toBe(1)
  expect(breaker).toEqual([])
  expect(lines.join('\n')).not.toMatch(/password|understand/)
  expect(Number(await figure(second, 'loading'))).toBe(0)
})

test('a server that begins to load while there is a link says so, and what can wait is served afterwards', async () => {
  const server = await started({ args })
  const { client, told } = await open(server.url)
  const lost = told('reconnecting')
  await server.ask('DEBUG', 'POPULATE', '16000', 'filler', '100')
  await client.$command('set', ['k', 'v'])
  const admin = await server.connect()
  onTestFinished(admin.close)
  await admin.ask('CONFIG', 'SET', 'key-load-delay', '150')
  const reloaded = admin.ask('DEBUG', 'RELOAD')
  await becomes(async () => (await figure(server, 'loading')) === '1')
  const waiting = client.$command('incr', ['n'], { deadline: '30s' })
  // Its last try is made after 375 ms: a machine that is busy has time to refuse that, too.
  const hasty = await ending(client.$command('get', ['k'], { deadline: '700ms' }), 700)
  expect(hasty).toMatchObject({ code: 'LOADING', outcome: 'not-executed' })
  expect(await client.copy({ id: 1 }).getOrLoad(() => 'loaded')).toBe('loaded')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  expect(await reloaded).toBe('OK')
  expect(await waiting).toBe(1)
  expect(await client.$command('get', ['k'])).toBe('v')
  expect(await refusals(server, 'LOADING')).toBeGreaterThan(0)
  expect(lost).toEqual([])
})
