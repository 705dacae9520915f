import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ending, figure, open, refusals } from './client-under-fault.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  await server.ask('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction')
  await server.ask('FLUSHALL')
  await server.ask('CONFIG', 'RESETSTAT')
})

const full = () => server.ask('CONFIG', 'SET', 'maxmemory', '1')
const refused = { code: 'OUT_OF_MEMORY', outcome: 'not-executed' }
const briefly = { deadline: '300ms' } as const

test('at maxmemory what reads or frees is served: get, delete, invalidate, clear, extend, release', async () => {
  const { client } = await open(server.url)
  for (const id of [1, 2, 3, 4]) await client.page({ id }).set('text')
  const held = (await client.door({ id: 1 }).acquire())!
  await full()
  expect(await client.page({ id: 1 }).get()).toBe('text')
  expect(await client.page.getMany([{ id: 2 }, { id: 9 }])).toEqual(['text', undefined])
  expect(await ending(client.page({ id: 1 }).delete())).toBe('done')
  expect(await ending(client.page.invalidateTag('page 2'))).toBe('done')
  expect(await client.page.getMany([{ id: 1 }, { id: 2 }, { id: 3 }])).toEqual([undefined, undefined, 'text'])
  expect(await ending(held.extend())).toBe(true)
  expect(await ending(held.release())).toBe(true)
  expect(await ending(client.page.clear())).toBe('done')
  expect(await server.ask('EXISTS', 'page:1', 'page:3', 'page:4', 'door:1')).toBe(0)
  expect(await refusals(server, 'OOM')).toBe(0)
})

test('what would need memory is refused, told as such, and opens no breaker; a cached load answers all the same', async () => {
  const { client, told } = await open(server.url)
  const degraded = told('degraded')
  await full()
  expect(await ending(client.page({ id: 1 }).set('text', briefly), 300)).toMatchObject(refused)
  expect(await ending(client.door({ id: 1 }).tryAcquire(briefly), 300)).toMatchObject(refused)
  expect(await ending(client.$command('incr', ['n'], briefly), 300)).toMatchObject(refused)
  for (let id = 0; id < 20; id++) expect(await client.copy({ id }).getOrLoad(() => `loaded ${id}`)).toBe(`loaded ${id}`)
  expect(degraded).toMatchObject([{ namespace: 'copy', error: { code: 'OUT_OF_MEMORY' } }])
  expect(client.$stats().namespaces.copy?.errors.OUT_OF_MEMORY).toBeGreaterThan(0)
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  expect(await refusals(server, 'OOM')).toBeGreaterThan(20)
  expect(await server.ask('DBSIZE')).toBe(0)
})

test('a write that was refused is made within its deadline once there is memory, and once only', async () => {
  const { client } = await open(server.url)
  await full()
  const waiting = [
    client.$command('incr', ['n']),
    client.page({ id: 1 }).set('text'),
    client.door({ id: 1 }).tryAcquire(),
  ]
  while ((await refusals(server, 'OOM')) < 6);
  await server.ask('CONFIG', 'SET', 'maxmemory', '0')
  const [count, became, held] = await Promise.all(waiting)
  expect([count, became, typeof held]).toEqual([1, 'done', 'object'])
  expect(await server.ask('GET', 'n')).toBe('1')
})

test('a lock that the server evicted is told lost to its holder by the next renewal', async () => {
  const { client } = await open(server.url)
  const lost = client.door({ id: 1 }).run(async ({ signal }) => {
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', '1')
    await server.ask('DEL', 'any').catch(() => {})
    await server.ask('SET', 'filler', 'x').catch(() => {})
    await new Promise(resolve => signal.addEventListener('abort', resolve))
    throw signal.reason
  })
  await expect(lost).rejects.toMatchObject({ code: 'LOCK_LOST' })
  expect(Number(await figure(server, 'evicted_keys'))).toBeGreaterThan(0)
})
