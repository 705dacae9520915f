import { afterEach, expect, test, vi } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { cache, definePlan, json, lock } from '../../src/index.ts'

const plan = definePlan('shop', {
  profile: cache('profile:<id>', { ttl: '1m', value: json<{ name: string }>() }),
  checkout: lock('checkout:<id>', { ttl: '5s' }),
})
afterEach(() => vi.unstubAllEnvs())

test('without a server it runs in this process, and says so once', async () => {
  vi.stubEnv('REDIS_URL', '')
  const lines: string[] = []
  await using client = await connect(plan, { log: (level, line) => lines.push(`${level} ${line}`) })
  for (let id = 0; id < 10; id++) await client.profile({ id }).set({ name: `${id}` })
  expect(await client.profile({ id: 7 }).get()).toEqual({ name: '7' })
  expect(await client.checkout({ id: 1 }).run(() => 'alone')).toBe('alone')
  expect(lines).toEqual(['warn no Redis is configured: shop runs in this process alone'])
  expect(client.$status).toEqual({
    state: 'memory',
    server: undefined,
    version: undefined,
    nodes: [],
    disabled: [],
    breaker: 'closed',
    error: undefined,
  })
  await expect(client.$command('PING')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})

test('without a log it warns on the console, and with log: false nowhere', async () => {
  vi.stubEnv('REDIS_URL', '')
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
  try {
    await (await connect(plan, { log: false })).$close()
    expect(warned).not.toHaveBeenCalled()
    await (await connect(plan)).$close()
    expect(warned).toHaveBeenCalledExactlyOnceWith('[keyplan] no Redis is configured: shop runs in this process alone')
  } finally {
    warned.mockRestore()
  }
})

test('in production that has to be asked for, and is then no warning', async () => {
  vi.stubEnv('REDIS_URL', '')
  vi.stubEnv('NODE_ENV', 'production')
  await expect(connect(plan)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/no server is configured/),
  })
  const lines: string[] = []
  await using client = await connect(plan, { memory: true, log: level => lines.push(level) })
  expect(client.$status.state).toBe('memory')
  expect(lines).toEqual(['info'])
})

test('two clients share nothing, and a closed one is closed', async () => {
  await using one = await connect(plan, { memory: true, log: () => {} })
  const two = await connect(plan, { memory: true, log: () => {} })
  await one.profile({ id: 1 }).set({ name: 'one' })
  expect(await two.profile({ id: 1 }).get()).toBe(undefined)
  await two.$close()
  await two.$close()
  expect(two.$status.state).toBe('closed')
  await expect(two.profile({ id: 1 }).get()).rejects.toMatchObject({ code: 'CLOSED', namespace: 'profile' })
  expect(await one.profile({ id: 1 }).get()).toEqual({ name: 'one' })
})

test('a signal that fired is honoured as with a server', async () => {
  await using client = await connect(plan, { memory: true, log: () => {} })
  await expect(client.profile({ id: 1 }).get({ signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
  })
})
