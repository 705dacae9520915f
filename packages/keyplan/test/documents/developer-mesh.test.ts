import { createHash } from 'node:crypto'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describe as describePlan, type Json } from '../../src/index.ts'
import plan from './developer-mesh.plan.ts'
import { documentKeys } from './document-keys.ts'
import { documentSystem } from './document-system.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const system = documentSystem(plan, () => server)
const hash = createHash('sha256').update('the text').digest('hex')

documentKeys(system, [
  {
    key: `embedding:tenant-7:text-embedding-3-small:${hash}`,
    ttlMs: 900_000,
    entry: redis => redis.embedding({ tenantId: 'tenant-7', model: 'text-embedding-3-small', hash }),
    value: Array.from({ length: 1_536 }, (_, index) => Math.sin(index)) as readonly number[],
  },
])

documentKeys<typeof plan.namespaces, Json>(system, [
  {
    key: `response:/api/v1/tools:${hash}`,
    ttlMs: 300_000,
    entry: redis => redis.response({ endpoint: '/api/v1/tools', paramsHash: hash }),
    value: { items: [], next: null },
  },
])

const spec = { name: 'github', description: 'Issues and pull requests', inputSchema: { repo: { type: 'string' } } }

documentKeys(system, [
  {
    key: 'tool:github:spec',
    ttlMs: 600_000,
    entry: redis => redis.toolSpec({ toolId: 'github' }),
    value: spec,
  },
])

test('the specifications are cleared as a whole, and nothing else that begins like one', async () => {
  const { redis, other } = system
  for (const toolId of ['github', 'jira', 'slack']) await redis.toolSpec({ toolId }).set(spec)
  const others = ['embedding:t:m:h', 'response:/tools:1', 'tool:github', 'tool:github:spec:1', 'tool:github:usage']
  for (const key of others) await other.set(key, '1', 600)
  expect(await redis.toolSpec.clear()).toBe('done')
  expect(await other.keys()).toEqual(others)
})

test('the caches stay apart when they are cleared', async () => {
  const { redis, other } = system
  await redis.embedding({ tenantId: 't', model: 'm', hash }).set([0.5])
  await redis.response({ endpoint: '/tools', paramsHash: hash }).set(1)
  expect(await redis.embedding.clear()).toBe('done')
  expect(await other.keys()).toEqual([`response:/tools:${hash}`])
})

test('tenants never share a key, whatever their names hold', async () => {
  const { redis, other } = system
  await redis.embedding({ tenantId: 'a:b', model: 'c', hash }).set([1])
  await redis.embedding({ tenantId: 'a', model: 'b:c', hash }).set([2])
  expect(await other.keys()).toHaveLength(2)
  expect(await redis.embedding({ tenantId: 'a:b', model: 'c', hash }).get()).toEqual([1])
})

test('the full patterns of the document are the keys, each for its time', () => {
  const { namespaces } = describePlan(plan)
  const caches = namespaces.filter(({ kind }) => kind === 'cache')
  expect(caches.map(({ pattern, facts }) => [pattern, facts.ttl, facts.form])).toEqual([
    ['embedding:<tenantId>:<model>:<hash>', '15m', 'plain'],
    ['response:<endpoint>:<paramsHash>', '5m', 'plain'],
    ['tool:<toolId>:spec', '10m', 'plain'],
  ])
  expect(plan.warnings).toEqual([])
})
