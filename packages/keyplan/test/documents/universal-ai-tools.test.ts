import { createHash } from 'node:crypto'
import { type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describe as describePlan } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { documentKeys } from './document-keys.ts'
import { documentSystem } from './document-system.ts'
import plan from './universal-ai-tools.plan.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const ttlMs = 3_600_000
const system = documentSystem(plan, () => server)
const digest = (text: string) => createHash('sha256').update(text).digest('base64url')

const request = JSON.stringify({ model: 'large', temperature: 0, prompt: 'Why is the sky blue? '.repeat(1_000) })
const answer = { model: 'large', text: 'Rayleigh scattering: λ⁻⁴', tokens: 9 }

documentKeys(system, [
  {
    key: `cache:response:${digest(request)}`,
    ttlMs,
    entry: redis => redis.response({ request }),
    value: answer,
  },
])

const input = 'small\nThe sky is blue.'
const embedding = Float32Array.from({ length: 1_536 }, (_, index) => Math.sin(index))
/** As other services write and read it: 4 bytes a number, little-endian. */
const floats = Buffer.alloc(embedding.length * 4)
for (const [index, number] of embedding.entries()) floats.writeFloatLE(number, index * 4)

documentKeys(system, [
  {
    key: `cache:embedding:${digest(input)}`,
    ttlMs,
    entry: redis => redis.embedding({ input }),
    value: embedding,
    stored: floats,
  },
])

documentKeys(system, [
  {
    key: 'cache:user:12345',
    ttlMs,
    entry: redis => redis.user({ userId: 12345 }),
    value: { name: 'Ada', email: 'ada@example.com' },
  },
])

describe('embeddings', () => {
  test('what is half a number is a miss, and replaced', async () => {
    const { redis, other } = system
    await other.set(`cache:embedding:${digest(input)}`, floats.subarray(0, 10), 60)
    expect(await redis.embedding({ input }).get()).toBeUndefined()
    expect(await redis.embedding({ input }).getOrLoad(() => embedding)).toEqual(embedding)
    expect(await other.get(`cache:embedding:${digest(input)}`)).toEqual(floats)
  })

  test('are cleared without the responses', async () => {
    const { redis, other } = system
    await redis.embedding({ input }).set(embedding)
    await redis.response({ request }).set(answer)
    expect(await redis.embedding.clear()).toBe('done')
    expect(await other.keys()).toEqual([`cache:response:${digest(request)}`])
  })

  test('every caller of one load has an array of its own, and may change it', async () => {
    const { redis } = system
    const callers = await Promise.all([1, 2, 3].map(() => redis.embedding({ input }).getOrLoad(() => embedding)))
    for (const caller of callers) caller?.fill(0)
    expect(await redis.embedding({ input }).get()).toEqual(embedding)
    expect(embedding[1]).toBe(Math.fround(Math.sin(1)))
  })
})

test('while Redis is gone the process serves what it loaded itself, and Redis again when it is back', async () => {
  const { other } = system
  await using proxy = await startProxy({ to: server.port })
  const url = `redis://127.0.0.1:${proxy.port}`
  const redis = await system.start({ url, backoff: { min: '10ms', max: '50ms' } })
  await proxy.refuse()
  await until(() => redis.$status.state !== 'connected')
  let loads = 0
  const load = () => {
    loads++
    return embedding
  }
  for (const _ of [1, 2, 3]) {
    const found = await redis.embedding({ input }).getOrLoad(load)
    expect(found).toEqual(embedding)
    found?.fill(0)
  }
  expect(loads).toBe(1)
  expect(await other.keys()).toEqual([])
  await proxy.pass()
  await until(() => redis.$status.state === 'connected')
  expect(await redis.embedding({ input }).set(embedding)).toBe('done')
  expect(await other.get(`cache:embedding:${digest(input)}`)).toEqual(floats)
})

test('the plan says what the document says', () => {
  const { namespaces } = describePlan(plan)
  expect(namespaces.map(({ pattern, facts, whenDown }) => [pattern, facts.ttl, facts.value, whenDown])).toEqual([
    ['cache:response:<request>', '1h', 'json', 'memory'],
    ['cache:embedding:<input>', '1h', 'vector', 'memory'],
    ['cache:user:<userId>', '1h', 'json', 'memory'],
  ])
  expect(plan.warnings).toEqual([])
})
