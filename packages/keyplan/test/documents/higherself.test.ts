import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describe as describePlan } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { documentKeys } from './document-keys.ts'
import { documentSystem } from './document-system.ts'
import plan from './higherself.plan.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const ttlMs = 300_000
const system = documentSystem(plan, () => server)

documentKeys(system, [
  {
    key: 'api:notion:business_entities:59833787-2cf9-4fdf-8782-e53db20768a5',
    ttlMs,
    entry: redis => redis.notion({ resource: 'business_entities:59833787-2cf9-4fdf-8782-e53db20768a5' }),
    value: { object: 'page', properties: { Name: { title: [{ plain_text: 'Café' }] } }, archived: false },
  },
  {
    key: 'api:hubspot:contacts:51',
    ttlMs,
    entry: redis => redis.hubspot({ resource: 'contacts:51' }),
    value: { id: '51', properties: { email: 'ada@example.com', lastname: null } },
  },
  {
    key: 'api:typeform:forms',
    ttlMs,
    entry: redis => redis.typeform({ resource: 'forms' }),
    value: [{ id: 'lT4Z3j', title: 'Intake' }],
  },
])

test('JSON as the Python service writes it is read', async () => {
  await system.other.set('api:notion:business_entities:1', '{"name": "Caf\\u00e9", "tags": ["a", "b"]}', 300)
  expect(await system.redis.notion({ resource: 'business_entities:1' }).get()).toEqual({
    name: 'Café',
    tags: ['a', 'b'],
  })
})

describe('api:notion:* as a whole', () => {
  const resources = ['business_entities:1', 'business_entities:2', 'search', 'databases:7:query:a:b']

  test('is cleared, whoever wrote it, and nothing else', async () => {
    const { redis, other } = system
    for (const resource of resources) await redis.notion({ resource }).set({ resource })
    await other.set('api:notion:written:by:hand', '{}', 300)
    const others = ['api:hubspot:contacts:1', 'api:notion', 'api:notionx:1', 'session:sess_12345', 'xapi:notion:1']
    for (const key of others) await other.set(key, '{}', 300)
    expect(await redis.notion.clear()).toBe('done')
    expect(await other.keys()).toEqual(others)
    expect(await redis.notion.getMany(resources.map(resource => ({ resource })))).toEqual(
      resources.map(() => undefined),
    )
    expect(await redis.hubspot({ resource: 'contacts:1' }).get()).toEqual({})
  })

  test('is cleared for a load that is under way in another process, too', async () => {
    const { redis, other } = system
    const loading = await system.start()
    let begin = () => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    let answer = (_: string) => {}
    const loaded = loading.notion({ resource: 'search' }).getOrLoad(() => {
      begin()
      return new Promise<string>(resolve => {
        answer = resolve
      })
    })
    await begun
    await redis.notion.clear()
    answer('older than the clear')
    expect(await loaded).toBe('older than the clear')
    expect(await other.keys()).toEqual([])
  })
})

describe('agent communication', () => {
  const message = { from: 'grace_fields', to: 'all', type: 'task_assignment', payload: { task: 'prepare_training' } }

  test('is heard, whether this or the Python service has published it, and by nobody on other channels', async () => {
    const listener = await system.start()
    const heard: unknown[] = []
    const status: unknown[] = []
    await listener.communication({}).subscribe(({ message }) => heard.push(message))
    await listener.status({}).subscribe(({ message }) => status.push(message))
    const python = '{"from": "grace_fields", "to": "all", "type": "caf\\u00e9", "payload": {}}'
    await system.other.publish('higherself:agents:communication', python)
    await until(() => heard.length === 1)
    await system.redis.communication({}).publish(message)
    await until(() => heard.length === 2)
    expect(heard).toEqual([{ from: 'grace_fields', to: 'all', type: 'café', payload: {} }, message])
    expect(status).toEqual([])
  })

  test('of tasks an agent that was away misses none', async () => {
    const agent = await system.start()
    const heard: string[] = []
    let last: string | undefined
    const listen = () =>
      agent.tasks({}).subscribe(
        ({ message, id }) => {
          heard.push(message.type)
          last = id
        },
        { after: last },
      )
    const subscription = await listen()
    await system.redis.tasks({}).publish({ ...message, type: 'one' })
    await until(() => heard.length === 1)
    subscription.close()
    for (const type of ['two', 'three']) await system.redis.tasks({}).publish({ ...message, type })
    await listen()
    await system.redis.tasks({}).publish({ ...message, type: 'four' })
    await until(() => heard.length === 4)
    expect(heard).toEqual(['one', 'two', 'three', 'four'])
  })
})

test('the plan says what the document says', () => {
  const { namespaces } = describePlan(plan)
  expect(
    namespaces
      .filter(({ kind }) => kind === 'cache')
      .map(({ pattern, facts, figures }) => [pattern, facts.ttl, facts.form, figures.minHitRatio]),
  ).toEqual([
    ['api:notion:<resource...>', '5m', 'plain', 0.8],
    ['api:hubspot:<resource...>', '5m', 'plain', 0.8],
    ['api:typeform:<resource...>', '5m', 'plain', 0.8],
  ])
  expect(
    namespaces.filter(({ kind }) => kind === 'channel').map(({ pattern, facts }) => [pattern, facts.reliable]),
  ).toEqual([
    ['higherself:agents:communication', false],
    ['higherself:agents:tasks', { keep: { count: null, age: '1h', bytes: null } }],
    ['higherself:agents:status', false],
  ])
  expect(plan.warnings).toEqual([])
})
