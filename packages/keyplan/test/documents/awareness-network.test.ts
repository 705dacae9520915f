import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { describe as describePlan } from '../../src/index.ts'
import { until } from '../live-server.ts'
import plan from './awareness-network.plan.ts'
import { documentKeys } from './document-keys.ts'
import { documentSystem } from './document-system.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
afterEach(() => vi.unstubAllEnvs())

const ttlMs = 3_600_000
const system = documentSystem(plan, () => server)

documentKeys(system, [
  {
    key: 'awareness:cache:popular',
    ttlMs,
    entry: redis => redis.cache({ key: 'popular' }),
    value: [{ id: 1, title: 'Žižkov' }],
  },
  {
    key: 'awareness:cache:GET:/api/listings:page=2',
    ttlMs,
    entry: redis => redis.cache({ key: 'GET:/api/listings:page=2' }),
    value: { status: 200, body: { items: [] } },
  },
])

describe('awareness:collab:s1', () => {
  const key = 'awareness:collab:s1'
  const session = { participants: ['ann', 'agent-7'] }

  test('is plain JSON for every service, for an hour after the last write', async () => {
    const { redis, other } = system
    await redis.collab({ sessionId: 's1' }).set(session)
    expect(await other.keys()).toEqual([key])
    expect(await other.get(key)).toEqual(Buffer.from(JSON.stringify(session)))
    expect(await other.lifetime(key)).toBeGreaterThan(ttlMs - 120_000)
    expect(await other.lifetime(key)).toBeLessThanOrEqual(ttlMs)
  })

  test('may be written by another service, which no update overwrites unseen', async () => {
    const { redis, other } = system
    await other.set(key, JSON.stringify(session), 300)
    const added = await redis.collab({ sessionId: 's1' }).update(async found => {
      if (found?.participants.length === 2) await other.set(key, '{"participants":["bob"]}', 300)
      return { participants: [...(found?.participants ?? []), 'cid'] }
    })
    expect(added.value).toEqual({ participants: ['bob', 'cid'] })
    expect(await other.get(key)).toEqual(Buffer.from('{"participants":["bob","cid"]}'))
  })
})

describe('awareness:agents:a1', () => {
  const key = 'awareness:agents:a1'
  const agent = { capabilities: ['summarize', 'translate'], metadata: { name: 'Ann', model: 'large' } }

  test('is plain JSON for every service, for five minutes, as long as the agent is there', async () => {
    const { redis, other } = system
    const membership = await redis.agents({ agentId: 'a1' }).join(agent)
    expect(await other.keys()).toEqual([key])
    expect(JSON.parse(String(await other.get(key)))).toEqual({ id: 'a1', ...agent })
    expect(await other.lifetime(key)).toBeGreaterThan(300_000 - 120_000)
    expect(await other.lifetime(key)).toBeLessThanOrEqual(300_000)
    for (const helper of await other.helperKeys()) expect(helper).toMatch(/^\{awareness:agents:<agentId>\}:~/)
    await membership.leave()
    expect(await other.keys()).toEqual([])
  })

  test('is found by what it can do, in any process, and told of on events:agents', async () => {
    const listener = await system.start()
    const heard: unknown[] = []
    await listener.agentEvents({}).subscribe(({ message }) => heard.push(message))
    const membership = await system.redis.agents({ agentId: 'a1' }).join(agent)
    await system.redis.agents({ agentId: 'a2' }).join({ capabilities: ['search'], metadata: { name: 'Bob' } })
    expect(await listener.agents.find('translate')).toMatchObject([{ id: 'a1', ...agent }])
    expect(await listener.agents.pick({ where: { model: 'large' } })).toMatchObject({ id: 'a1' })
    expect(await listener.agents.count()).toBe(2)
    await membership.leave()
    await until(() => heard.length === 3)
    expect(heard).toMatchObject([
      { type: 'joined', member: { id: 'a1', ...agent } },
      { type: 'joined', member: { id: 'a2' } },
      { type: 'left', member: { id: 'a1' } },
    ])
  })
})

describe('the prefix', () => {
  const neighbours = ['awareness:agents:a1', 'awareness:cache', 'awareness:session:s1', 'cache:x', 'other:cache:x']

  test('keeps the cache apart from the rest of the application and from others, also when it is cleared', async () => {
    const { redis, other } = system
    for (const key of neighbours) await other.set(key, '1', 300)
    for (const key of ['a', 'b:c', 'd:e:f']) await redis.cache({ key }).set(key)
    await other.set('awareness:cache:by:hand', '1', 300)
    expect(await redis.cache.clear()).toBe('done')
    expect(await other.keys()).toEqual(neighbours)
  })

  test('stands in what is kept beside the values, too', async () => {
    const { redis, other } = system
    await redis.cache({ key: 'a' }).getOrLoad(() => 1)
    await redis.cache({ key: 'a' }).delete()
    const helpers = await other.helperKeys()
    expect(helpers.length).toBeGreaterThan(0)
    for (const key of helpers) {
      expect(key).toMatch(/^\{awareness:cache:/)
      expect(await other.lifetime(key)).toBeGreaterThan(0)
    }
  })

  test('may come from REDIS_KEY_PREFIX, so that two systems share a server', async () => {
    const { redis, other } = system
    vi.stubEnv('REDIS_KEY_PREFIX', 'staging:')
    const staging = await system.start()
    await redis.cache({ key: 'popular' }).set(1)
    await staging.cache({ key: 'popular' }).set(2)
    expect(await other.keys()).toEqual(['awareness:cache:popular', 'staging:cache:popular'])
    await staging.cache.clear()
    expect(await redis.cache({ key: 'popular' }).get()).toBe(1)
  })
})

describe('real-time messaging', () => {
  test('each channel is heard alone, and those of pubsub:{channel} all together, each once', async () => {
    const listener = await system.start()
    const heard: [string, unknown][] = []
    await listener.marketplace({}).subscribe(({ message }) => heard.push(['marketplace', message]))
    await listener.sessionEvents({}).subscribe(({ message }) => heard.push([message.params.sessionId, message.change]))
    await listener.pubsub.subscribeAll(({ params, message }) => heard.push([params.channel, message]))
    await listener.pubsub({ channel: 'deals' }).subscribe(({ message }) => heard.push(['alone', message]))
    const { redis, other } = system
    await redis.marketplace({}).publish({ listing: 1 })
    await redis.collab({ sessionId: 's2' }).set({ participants: [] })
    // Another service, which knows nothing of plans.
    await other.publish('awareness:pubsub:deals', '{"deal":7}')
    await other.publish('awareness:pubsub:deals:of:others', '{"deal":8}')
    await redis.pubsub({ channel: 'news' }).publish('last')
    await until(() => heard.some(([, message]) => message === 'last'))
    await until(() => heard.length === 5)
    expect(heard.sort(([left], [right]) => (left < right ? -1 : 1))).toEqual([
      ['alone', { deal: 7 }],
      ['deals', { deal: 7 }],
      ['marketplace', { listing: 1 }],
      ['news', 'last'],
      ['s2', 'created'],
    ])
  })

  test('the thoughts of a session lie in order for an hour, and are told on a channel of the same name', async () => {
    const { redis, other } = system
    const listener = await system.start()
    const told: string[] = []
    await listener.thoughtsLive({ sessionId: 's1' }).subscribe(({ message }) => told.push(message.text))
    const thoughts = ['look', 'compare', 'decide']
    for (const text of thoughts) await redis.thoughts({ sessionId: 's1' }).append({ text, by: 'agent-7' })
    await until(() => told.length === 3)
    const kept = await listener.thoughts({ sessionId: 's1' }).range()
    expect([told, kept.map(({ value }) => value.text)]).toEqual([thoughts, thoughts])
    expect(await other.keys()).toEqual(['awareness:thoughts:s1'])
    expect(await other.lifetime('awareness:thoughts:s1')).toBeGreaterThan(ttlMs - 120_000)
  })
})

test('the plan says what the document says', () => {
  const { namespaces } = describePlan(plan)
  expect(
    namespaces.map(({ pattern, kind, facts, figures }) => [pattern, kind, facts.ttl, facts.form, figures]),
  ).toEqual([
    ['awareness:cache:<key...>', 'cache', '1h', 'plain', { minHitRatio: 0.8 }],
    ['awareness:collab:<sessionId>', 'document', '1h', undefined, {}],
    ['awareness:agents:<agentId>', 'registry', undefined, undefined, {}],
    ['awareness:events:marketplace', 'channel', undefined, undefined, {}],
    ['awareness:events:sessions', 'channel', undefined, undefined, {}],
    ['awareness:events:agents', 'channel', undefined, undefined, {}],
    ['awareness:pubsub:<channel>', 'channel', undefined, undefined, {}],
    ['awareness:thoughts:<sessionId>', 'feed', '1h', undefined, {}],
    ['awareness:thoughts:<sessionId>', 'channel', undefined, undefined, {}],
  ])
  expect(plan.warnings).toEqual([])
})
