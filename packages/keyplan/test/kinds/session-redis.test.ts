import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { digest } from '../../src/plan/pattern/value.ts'
import { type SessionTerms, sessionConformance } from '../conformance/session.ts'
import { until } from '../live-server.ts'
import { redisHarness } from './session-harness.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  await server.ask('FLUSHALL')
  await server.ask('CONFIG', 'RESETSTAT')
})

sessionConformance('Redis', () => redisHarness(server.port))

const perUser: NonNullable<SessionTerms['perUser']> = { by: ({ userId }) => userId }

async function open(terms?: SessionTerms) {
  const harness = await redisHarness(server.port)
  onTestFinished(() => harness.close())
  return harness.client(terms)
}
const keys = async () => ((await server.ask('KEYS', '*')) as string[]).sort()
const keyOf = (id: string) => `session:${digest(id)}`
const listOf = (user: string) => `{${keyOf(user)}}:~user`

/** How often the server ran a command. */
async function calls(command: string): Promise<number> {
  const stats = String(await server.ask('INFO', 'commandstats'))
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

describe('what lies in Redis', () => {
  test('no key and no value holds an id; the list of a user does not name them', async () => {
    const sessions = await open({ perUser })
    const { id } = await sessions.create({ userId: 'ann' })
    expect(await keys()).toEqual([keyOf(id), listOf('ann')].sort())
    const stored = String(await server.ask('GET', keyOf(id)))
    expect(stored).not.toContain(id)
    expect(await server.ask('ZRANGE', listOf('ann'), '0', '-1')).toEqual([keyOf(id)])
  })

  test('a session is one plain JSON text with its fields in order, and lives for its ttl', async () => {
    const sessions = await open({ perUser, absolute: '30d' })
    const made = await sessions.create({ userId: 'ann', items: [] }, { device: { ip: '::1' } })
    const stored = JSON.parse(String(await server.ask('GET', keyOf(made.id))))
    expect(Object.keys(stored)).toEqual(['v', 'seen', 'until', 'created', 'user', 'device', 'by', 'data'])
    expect(stored).toMatchObject({
      v: 1,
      seen: made.lastSeen,
      created: made.createdAt,
      user: 'ann',
      device: { ip: '::1' },
      data: { userId: 'ann', items: [] },
    })
    const ttl = Number(await server.ask('PTTL', keyOf(made.id)))
    expect(ttl).toBeGreaterThan(3_500_000)
    expect(ttl).toBeLessThanOrEqual(3_600_000)
  })

  test('what another language wrote, with its spaces, is read, touched, changed and ended', async () => {
    const sessions = await open({ touchEvery: '1ms' })
    const id = 'written-elsewhere'
    const text = `{"v": 7, "seen": 1, "until": 9000000000000, "created": ${Date.now()}, "user": null, "device": {}, "data": {"items": [], "theme": "d\\u00e4rk"}}`
    await server.ask('SET', keyOf(id), text, 'PX', '60000')
    const entry = sessions({ sessionId: id })
    expect(await entry.read()).toMatchObject({ version: 7, data: { items: [], theme: 'därk' } })
    expect(Number(await server.ask('PTTL', keyOf(id)))).toBeGreaterThan(3_000_000)
    expect(await entry.update({ visits: 1 })).toMatchObject({
      version: 8,
      data: { items: [], theme: 'därk', visits: 1 },
    })
    expect(await entry.destroy()).toBe(true)
  })

  test('what is no session is said to be none, and is not overwritten', async () => {
    const sessions = await open()
    const id = 'a-foreign-one'
    const damaged = `{"v":1,"seen":${Date.now()},"until":9000000000000,"created":1,"data":{secret}`
    for (const text of ['{"cookie":{}}', 'null', '[]', 'text', '{"v":1,"seen":1}', damaged]) {
      await server.ask('SET', keyOf(id), text)
      const entry = sessions({ sessionId: id })
      const error = await entry.read().catch(refusal => refusal)
      expect(error).toMatchObject({ code: 'DECODE_FAILED' })
      expect(error.cause).toBeUndefined()
      await expect(entry.update({ theme: 'x' })).rejects.toMatchObject({ code: 'DECODE_FAILED' })
      expect(await server.ask('GET', keyOf(id))).toBe(text)
    }
  })

  test('with idInKey plain the key is the one that others know', async () => {
    const sessions = await open({ idInKey: 'plain', perUser })
    const { id, name } = await sessions.create({ userId: 'ann' })
    expect(await keys()).toEqual([`session:${id}`, '{session:ann}:~user'].sort())
    expect(name).toBe(digest(id))
    expect((await sessions.user('ann').list()).map(one => one.name)).toEqual([name])
    expect(await sessions.user('ann').end(name)).toBe(true)
  })

  test('every key has a time to live, whatever was done', async () => {
    const sessions = await open({ perUser: { ...perUser, max: 2 }, touchEvery: '1ms', rotateGrace: '1m' })
    for (let login = 0; login < 4; login++) {
      const { id } = await sessions.create({ userId: 'ann' })
      await sessions({ sessionId: id }).update({ theme: 'x' })
      await sessions({ sessionId: id }).read()
      const moved = await sessions({ sessionId: id }).rotate()
      if (login % 2) await sessions({ sessionId: moved!.id }).destroy()
    }
    await sessions.user('ann').endAll()
    const found = await keys()
    expect(found.length).toBeGreaterThan(4)
    for (const key of found) expect(Number(await server.ask('PTTL', key))).toBeGreaterThan(0)
  })
})

describe('trips', () => {
  test('reads of one turn share them, and note the use in the same ones', async () => {
    const sessions = await open({ touchEvery: '50ms' })
    const made = await Promise.all(Array.from({ length: 64 }, () => sessions.create({})))
    const at = Math.max(...made.map(({ lastSeen }) => lastSeen))
    await until(async () => {
      const [seconds, micros] = (await server.ask('TIME')) as [string, string]
      return Number(seconds) * 1_000 + Number(micros) / 1_000 > at + 51
    })
    await server.ask('CONFIG', 'RESETSTAT')
    const found = await Promise.all(made.map(({ id }) => sessions({ sessionId: id }).read()))
    expect(found.every(one => one !== undefined && one.lastSeen > at)).toBe(true)
    expect(await calls('evalsha')).toBe(2)
    expect(await calls('get')).toBe(0)
    expect(await calls('set')).toBe(64)
  })

  test('however often it is used, use is written once in touchEvery', async () => {
    const sessions = await open({ touchEvery: '20s', perUser })
    const { id } = await sessions.create({ userId: 'ann' })
    await server.ask('CONFIG', 'RESETSTAT')
    for (let use = 0; use < 50; use++) await sessions({ sessionId: id }).read()
    expect(await calls('evalsha')).toBe(50)
    expect((await calls('set')) + (await calls('zadd')) + (await calls('pexpireat'))).toBe(0)
  })

  test('a change of what was read is one, and so is looking', async () => {
    const sessions = await open()
    const { id } = await sessions.create({})
    const entry = sessions({ sessionId: id })
    await entry.read()
    await server.ask('CONFIG', 'RESETSTAT')
    await entry.update({ theme: 'dark' })
    await entry.update({ theme: 'light' })
    expect([await calls('evalsha'), await calls('mget')]).toEqual([2, 0])
    await entry.read({ touch: false })
    expect([await calls('evalsha'), await calls('mget')]).toEqual([2, 1])
  })
})

describe('the list of a user', () => {
  test('heals when it was lost, behind the next use', async () => {
    const sessions = await open({ perUser, touchEvery: '1ms' })
    const { id, name } = await sessions.create({ userId: 'ann' })
    await server.ask('DEL', listOf('ann'))
    expect(await sessions.user('ann').list()).toEqual([])
    await until(async () => {
      await sessions({ sessionId: id }).read()
      return (await sessions.user('ann').list()).some(one => one.name === name)
    })
  })

  test('is not believed: what it has of others and of nobody is not shown, and falls off', async () => {
    const sessions = await open({ perUser })
    const mine = await sessions.create({ userId: 'ann' })
    const bobs = await sessions.create({ userId: 'bob' })
    const gone = keyOf(sessions.newId())
    await server.ask('ZADD', listOf('ann'), '1', keyOf(bobs.id), '1', gone, String(Date.now()), keyOf('fresh'))
    expect((await sessions.user('ann').list()).map(one => one.name)).toEqual([mine.name])
    expect(await sessions.user('ann').endAll()).toBe(1)
    expect(await sessions({ sessionId: bobs.id }).read()).toBeDefined()
    // What was noted a moment ago may be a session that is just beginning.
    expect(await server.ask('ZRANGE', listOf('ann'), '0', '-1')).toEqual([keyOf('fresh')])
  })

  test('forgets by itself what was not used, and a cap does not count it', async () => {
    const sessions = await open({ perUser: { ...perUser, max: 2 } })
    const old = Array.from({ length: 50 }, (_, index) => ['1', keyOf(`gone${index}`)]).flat()
    await server.ask('ZADD', listOf('ann'), ...old)
    const first = await sessions.create({ userId: 'ann' })
    expect(await server.ask('ZRANGE', listOf('ann'), '0', '-1')).toEqual([keyOf(first.id)])
    await server.ask('ZADD', listOf('ann'), ...old.map(part => (part === '1' ? String(Date.now()) : part)))
    const second = await sessions.create({ userId: 'ann' })
    expect(await sessions({ sessionId: first.id }).read()).toBeDefined()
    expect(await sessions({ sessionId: second.id }).read()).toBeDefined()
  })

  test('a session outlives no list: it may live only as long as it is surely on it, and use moves that on', async () => {
    const sessions = await open({ perUser, ttl: '3s', touchEvery: '10ms' })
    const { id } = await sessions.create({ userId: 'ann' })
    const stored = async () => JSON.parse(String(await server.ask('GET', keyOf(id))))
    const first = await stored()
    expect(first.until - first.seen).toBeLessThanOrEqual(6_000)
    await until(async () => {
      expect(await sessions({ sessionId: id }).read()).toBeDefined()
      return (await stored()).until > first.until
    })
    expect((await stored()).v).toBe(1)
  })

  test('saves move it on as well, however closely they follow each other, and nothing else is used', async () => {
    const sessions = await open({ perUser })
    const { id } = await sessions.create({ userId: 'ann' })
    const stored = async () => JSON.parse(String(await server.ask('GET', keyOf(id))))
    const { v, seen, until: first, ...rest } = await stored()
    await sessions({ sessionId: id }).update({ visits: 0 })
    expect((await stored()).until).toBe(first)
    const late = seen + 5_000_000
    await server.ask('SET', keyOf(id), JSON.stringify({ v, seen, until: late, ...rest }), 'PX', '3600000')
    await sessions({ sessionId: id }).update({ visits: 1 })
    await until(async () => (await stored()).until > late)
    expect(await stored()).toMatchObject({ v: v + 1, data: { visits: 1 } })
  })
})

describe('without memory', () => {
  test('who is logged in stays it, and can log out', async () => {
    const sessions = await open({ touchEvery: '1ms', perUser })
    const { id } = await sessions.create({ userId: 'ann' })
    await server.ask('PEXPIRE', keyOf(id), '100000')
    await server.ask('CONFIG', 'SET', 'maxmemory', '1')
    onTestFinished(async () => void (await server.ask('CONFIG', 'SET', 'maxmemory', '0')))
    expect(await sessions({ sessionId: id }).read()).toBeDefined()
    expect(Number(await server.ask('PTTL', keyOf(id)))).toBeGreaterThan(1_000_000)
    await expect(sessions.create({}, { deadline: '300ms' })).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' })
    await expect(sessions({ sessionId: id }).update({ theme: 'x' }, { deadline: '300ms' })).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
    })
    expect(await sessions({ sessionId: id }).destroy()).toBe(true)
    expect(await sessions({ sessionId: id }).read()).toBeUndefined()
  })

  test('a session that Redis evicts has ended: no save brings it back, no list shows it', async () => {
    const sessions = await open({ perUser })
    const made = await Promise.all(Array.from({ length: 40 }, () => sessions.create({ userId: 'ann' })))
    const entries = made.map(({ id }) => sessions({ sessionId: id }))
    await Promise.all(entries.map(entry => entry.read()))
    const used = Number(/used_memory:(\d+)/.exec(String(await server.ask('INFO', 'memory')))![1])
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await server.ask('CONFIG', 'SET', 'maxmemory', String(used + 100_000))
    onTestFinished(async () => {
      await server.ask('CONFIG', 'SET', 'maxmemory', '0')
      await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    })
    const there = async () => Number(await server.ask('EXISTS', ...made.map(({ id }) => keyOf(id))))
    for (let filler = 0; (await there()) > 20; filler++) await server.ask('SET', `filler:${filler}`, 'x'.repeat(20_000))
    const left = await there()
    const updated = await Promise.all(entries.map(entry => entry.update({ theme: 'x' })))
    expect(updated.filter(Boolean).length).toBeLessThanOrEqual(left)
    expect(await there()).toBeLessThanOrEqual(left)
    expect((await sessions.user('ann').list()).length).toBeLessThanOrEqual(left)
  })
})
