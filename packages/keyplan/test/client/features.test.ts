import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { cache, channel, definePlan, feed, json, lock, rateLimit } from '../../src/index.ts'

const plan = definePlan('switches', {
  profile: cache('profile:<id>', { ttl: '1m', value: json<{ name: string }>(), tags: () => ['all'] }),
  api: rateLimit('api:<ip>', { limit: 1, window: '1h' }),
  checkout: lock('checkout:<id>', { ttl: '5s' }),
})
let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
afterEach(() => vi.unstubAllEnvs())

test('a cache that is switched off calls its loader, limits allow and say so, and nothing else changes', async () => {
  vi.stubEnv('REDIS_CACHE_ENABLED', 'false')
  vi.stubEnv('REDIS_RATE_LIMITING_ENABLED', 'false')
  const lines: string[] = []
  const log = (level: string, line: string) => lines.push(`${level} ${line}`)
  await using client = await connect(plan, { url: server.url, start: 'required', log })
  expect(client.$status.disabled).toEqual(['cache', 'rateLimit'])
  expect(lines.filter(line => line.includes('switched off'))).toEqual([
    'info cache is switched off',
    'info rateLimit is switched off',
  ])

  let loads = 0
  const load = () => ({ name: String(++loads) })
  expect(await client.profile({ id: 1 }).getOrLoad(load)).toEqual({ name: '1' })
  expect(await client.profile({ id: 1 }).getOrLoad(load)).toEqual({ name: '2' })
  expect(await client.profile({ id: 1 }).set({ name: 'x' })).toBe('done')
  expect(await client.profile({ id: 1 }).get()).toBeUndefined()
  expect(await client.profile.getMany([{ id: 1 }, { id: 2 }])).toEqual([undefined, undefined])
  expect(await client.profile({ id: 1 }).delete()).toBe('done')
  expect(await client.profile.invalidateTag('all')).toBe('done')
  expect(await client.profile.clear()).toBe('done')
  expect(await client.profile.deleteMany([{ id: 1 }])).toBe('done')
  for await (const params of client.profile.keys()) expect(params).toBe('none')

  for (let call = 0; call < 3; call++) {
    expect(await client.api({ ip: 'a' }).consume()).toMatchObject({ allowed: true, degraded: true })
  }
  await client.api({ ip: 'a' }).reset()
  expect(await client.checkout({ id: 1 }).run(() => 'held')).toBe('held')
  const keys = (await server.ask('KEYS', '*')) as string[]
  expect(keys.filter(key => !key.includes('checkout'))).toEqual([])
})

test('a cache that allows replicas is warned of where there is none', async () => {
  const willing = definePlan('willing', {
    profile: cache('profile:<id>', { ttl: '1m', value: json<string>(), replica: 'allow' }),
  })
  const lines: string[] = []
  await using client = await connect(willing, { url: server.url, log: (_level, line) => lines.push(line) })
  await client.profile({ id: 1 }).set('Ada')
  expect(await client.profile({ id: 1 }).get()).toBe('Ada')
  expect(lines.filter(line => /profile allows replicas/.test(line)).length).toBe(1)
})

test('channels that are switched off are heard by nobody, ask nothing, and nothing is announced on them', async () => {
  vi.stubEnv('REDIS_PUBSUB_ENABLED', 'false')
  const quiet = definePlan('quiet', {
    events: channel('events:<topic>', { value: json<number>(), reliable: { keep: 10 } }),
    thoughts: feed('thoughts:<id>', { value: json<number>(), ttl: '1m', announce: 'live' }),
    live: channel('thoughts:<id>', { value: json<number>() }),
  })
  await using client = await connect(quiet, { url: server.url, start: 'required', log: false })
  expect(client.$status.disabled).toEqual(['channel'])
  const heard: number[] = []
  const subscription = await client.events({ topic: 'a' }).subscribe(({ message }) => heard.push(message))
  await client.events.subscribeAll(({ message }) => heard.push(message))
  expect(await client.events({ topic: 'a' }).publish(1)).toEqual({ receivers: 0, id: undefined, degraded: true })
  await client.thoughts({ id: 1 }).append(1)
  subscription.close()
  expect(await subscription.ended).toBeUndefined()
  expect(heard).toEqual([])
  expect(await server.ask('PUBSUB', 'CHANNELS', '*')).toEqual([])
  expect(((await server.ask('KEYS', '*events*')) as string[]).length).toBe(0)
})
