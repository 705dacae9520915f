import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { registryKind } from '../../src/kinds/registry/kind.ts'
import {
  type AgentClient,
  type AgentOptions,
  brief,
  type RegistryHarness,
  registryConformance,
} from '../conformance/registry.ts'
import { timesRun } from '../faults/evidence.ts'
import { connectTo, type LiveServer, until } from '../live-server.ts'
import { openAgents } from './registry-harness.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

interface Harness extends RegistryHarness {
  client(options?: AgentOptions, clock?: typeof realClock): Promise<AgentClient>
}

async function redisHarness(): Promise<Harness> {
  await server.ask('FLUSHALL')
  await server.ask('CONFIG', 'RESETSTAT')
  const connections: LiveServer[] = []
  const clients: AgentClient[] = []
  return {
    async client(options, clock) {
      const connection = await connectTo(server.port, { scripts: registryKind.scripts })
      connections.push(connection)
      const client = openAgents(
        (declaration, around) => registryKind.open(declaration, around),
        options,
        connection,
        clock,
      )
      clients.push(client)
      return client
    },
    async close() {
      for (const { close } of clients) await close()
      for (const { close } of connections) await close()
    },
  }
}

registryConformance('Redis', redisHarness)

describe('registry on a real server', () => {
  let harness: Harness
  beforeEach(async () => {
    harness = await redisHarness()
  })
  afterEach(() => harness.close())

  /** Nobody expires while the test lasts. */
  const often = { lease: '30s', beat: '100ms' } as const
  const key = (name: string) => `{agents:<id>}:~${name}`
  const names = ['clock', 'events', 'index', 'leases', 'loads', 'members', 'owners']

  test('all of it lies in one slot, and each key has a time to live', async () => {
    const { agents } = await harness.client()
    await agents({ id: 'ann' }).join({ capabilities: ['run'], metadata: {} })
    await agents.pick('run')
    expect(((await server.ask('KEYS', '*')) as string[]).sort()).toEqual([...names, 'turns'].map(key).sort())
    for (const name of [...names, 'turns']) expect(await server.ask('PTTL', key(name))).toBeGreaterThan(86_000_000)
    const text = String(await server.ask('HGET', key('members'), 'ann'))
    expect(text).toMatch(/^0{16} \d+ \*,can:run\n"id":"ann","capabilities":\["run"\]\n\{\}$/)
  })

  test('a thousand members beat in one call, and join in a few', async () => {
    const { agents, figures } = await harness.client({ lease: '10s', beat: '1s' })
    const joins = Array.from({ length: 1_000 }, (_, n) => agents({ id: `a${n}` }).join({ metadata: {} }))
    const members = await Promise.all(joins)
    expect(await timesRun(server, 'evalsha')).toBeLessThanOrEqual(20)
    const { beats } = figures()
    await server.ask('CONFIG', 'RESETSTAT')
    await until(() => figures().beats >= beats + 3)
    await until(async () => (await timesRun(server, 'evalsha')) >= 3)
    const calls = figures().beats - beats
    expect(await timesRun(server, 'evalsha')).toBeLessThanOrEqual(calls)
    // Each reads the tokens, and writes the leases, with one command each; one more HMGET reads the clock.
    expect(await timesRun(server, 'zadd')).toBeLessThanOrEqual(calls)
    expect(await timesRun(server, 'hmget')).toBeLessThanOrEqual(2 * calls)
    expect(figures()).toMatchObject({ members: 1_000, failedBeats: 0, rejoined: 0 })
    for (const member of members) expect(member.remaining()).toBeGreaterThan(0)
  })

  test('who can do something is found among a thousand with as many commands as among a few', async () => {
    const { agents } = await harness.client()
    const join = (n: number) =>
      agents({ id: `a${n}` }).join({ capabilities: [`can${n % 10}`], metadata: {}, load: n % 7 })
    async function commands(): Promise<string[]> {
      await server.ask('CONFIG', 'RESETSTAT')
      expect(await agents.find('can3')).toHaveLength(10)
      expect(await agents.find('can3', { limit: 5, order: 'load' })).toHaveLength(5)
      expect(await agents.pick('can3')).toMatchObject({ capabilities: ['can3'] })
      expect(await agents.pick('can3', { by: 'load' })).toMatchObject({ capabilities: ['can3'] })
      const stats = String(await server.ask('INFO', 'commandstats'))
      return [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, calls]) => `${name} ${calls}`).sort()
    }
    await Promise.all(Array.from({ length: 100 }, (_, n) => join(n)))
    // Who was picked before is asked for as well.
    await commands()
    const before = await commands()
    // Of other capabilities, so that as many are found.
    const others = Array.from({ length: 1_000 }, (_, n) => n + 100).filter(n => n % 10 !== 3)
    await Promise.all(others.map(join))
    expect(await commands()).toEqual(before)
    expect(before).toContain('zrangebylex 5')
  })

  test('whose turn it is is remembered of a bounded number of queries', async () => {
    const { agents } = await harness.client()
    const names = Array.from({ length: 48 }, (_, n) => `c${n}`)
    await agents({ id: 'a' }).join({ capabilities: names, metadata: {} })
    const pairs = names.flatMap((one, n) => names.slice(n + 1).map(other => [one, other]))
    expect(pairs.length).toBeGreaterThan(1_000)
    const picked = await Promise.all(pairs.map(capabilities => agents.pick({ capabilities })))
    expect(new Set(picked.map(found => typeof found === 'object' && found.id))).toEqual(new Set(['a']))
    const [turns] = (await server.ask('KEYS', '*turns*')) as string[]
    expect(await server.ask('HLEN', turns!)).toBe(pairs.length - 1_000)
  })

  test('a client whose clock is hours off lists and beats like any other', async () => {
    const wrong = { ...realClock, wall: () => Date.now() + 10 * 3_600_000 }
    const [one, two] = await Promise.all([harness.client(brief), harness.client(brief, wrong)])
    await one.agents({ id: 'ann' }).join({ metadata: {} })
    await two.agents({ id: 'bob' }).join({ metadata: {} })
    await until(() => one.figures().beats > 12 && two.figures().beats > 12)
    expect([await one.agents.count(), await two.agents.count()]).toEqual([2, 2])
    expect([one.figures().expired, two.figures().expired]).toEqual([0, 0])
  })

  /** As if the server's clock had been put forward by an hour since anybody was heard. */
  const jump = () =>
    server.ask(
      'EVAL',
      `for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZINCRBY', KEYS[1], -3600000, id) end
       redis.call('HINCRBY', KEYS[2], 'seen', -3600000)`,
      '2',
      key('leases'),
      key('clock'),
    )

  test('a server whose clock jumps forward by an hour loses nobody who lives, and those who do not a lease later', async () => {
    // Long enough that who lives is heard in time by a machine that stands still for a second.
    const terms = { lease: '2s', beat: '200ms' } as const
    const [one, two, dead] = await Promise.all([1, 2, 3].map(() => harness.client(terms)))
    for (const [id, { agents }] of [
      ['a', one!],
      ['b', two!],
      ['c', dead!],
    ] as const) {
      await agents({ id }).join({ capabilities: ['run'], metadata: {} })
    }
    dead!.freeze()
    await jump()
    // A look changes nothing, and gives nobody whose lease has ended.
    await one!.agents.find('run')
    await until(async () => (await one!.agents.count()) === 2)
    await until(() => one!.figures().expired + two!.figures().expired === 1)
    expect([await one!.agents.count('run'), one!.figures().rejoined, two!.figures().rejoined]).toEqual([2, 0, 0])
    const events = String(await server.ask('XRANGE', key('events'), '-', '+'))
    expect(events.match(/"type":"expired"/g)).toHaveLength(1)
  })

  test.each(names.filter(name => name !== 'events'))('members are whole again when ~%s is deleted', async name => {
    const [one, two] = await Promise.all([harness.client(often), harness.client(often)])
    await one.agents({ id: 'ann' }).join({ capabilities: ['run'], metadata: { region: 'eu' }, load: 2 })
    await server.ask('DEL', key(name))
    const { beats } = one.figures()
    await until(() => one.figures().beats >= beats + 2)
    const ann = { id: 'ann', capabilities: ['run'], metadata: { region: 'eu' }, load: 2 }
    const query = { capabilities: 'run', where: { region: 'eu' } }
    expect(await two.agents.find(query)).toMatchObject([ann])
    expect(await two.agents.pick('run', { by: 'load' })).toMatchObject(ann)
    expect(await two.agents({ id: 'ann' }).get()).toMatchObject(ann)
    expect(await two.agents.count()).toBe(1)
  })

  test('at maxmemory members stay, can leave and expire, and nobody joins', async () => {
    const [one, two] = await Promise.all([harness.client(brief), harness.client(brief)])
    const ann = await one.agents({ id: 'ann' }).join({ metadata: {} })
    const bob = await one.agents({ id: 'bob' }).join({ metadata: {} })
    await two.agents({ id: 'cid' }).join({ metadata: {} })
    await server.ask('CONFIG', 'SET', 'maxmemory', '1')
    try {
      const join = one.agents({ id: 'dan' }).join({ metadata: {}, deadline: '100ms' })
      await expect(join).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', outcome: 'not-executed' })
      two.freeze()
      await until(() => one.figures().expired === 1)
      expect(await bob.leave()).toBe(true)
      const { beats } = one.figures()
      await until(() => one.figures().beats > beats + 3)
      expect(one.figures().failedBeats).toBe(0)
      expect(ann.remaining()).toBeGreaterThan(0)
      expect(await one.agents.pick()).toMatchObject({ id: 'ann' })
    } finally {
      await server.ask('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  test('a member also lies at its own key for readers in other languages, and is renewed there', async () => {
    const { agents, close } = await harness.client({ ...often, mirror: { ttl: '1200ms' } })
    const ann = await agents({ id: 'a:b' }).join({ capabilities: ['run'], metadata: { region: 'eu' } })
    const read = async () => JSON.parse(String(await server.ask('GET', 'agents:a%3Ab')))
    expect(await read()).toEqual({ id: 'a:b', capabilities: ['run'], metadata: { region: 'eu' } })
    await ann.update({ capabilities: [] })
    expect(await read()).toMatchObject({ capabilities: [] })
    await server.ask('DEL', 'agents:a%3Ab')
    await until(async () => (await server.ask('EXISTS', 'agents:a%3Ab')) === 1)
    expect(await server.ask('PTTL', 'agents:a%3Ab')).toBeLessThanOrEqual(1_200)
    await ann.leave()
    expect(await server.ask('EXISTS', 'agents:a%3Ab')).toBe(0)
    await agents({ id: 'bob' }).join({ metadata: {} })
    await close()
    expect(await server.ask('KEYS', 'agents:*')).toEqual([])
  })

  test('who was replaced leaves the key of the other alone, by leaving and by closing', async () => {
    const mirrored = { lease: '1m', mirror: true } as const
    const [old, young] = [await harness.client(mirrored), await harness.client(mirrored)]
    const before = await old.agents({ id: 'ann' }).join({ metadata: { version: 1 } })
    await old.agents({ id: 'bob' }).join({ metadata: { version: 1 } })
    await old.agents({ id: 'eve' }).join({ metadata: { version: 1 } })
    for (const id of ['ann', 'bob']) await young.agents({ id }).join({ metadata: { version: 2 } })
    expect(await before.leave()).toBe(false)
    await old.close()
    expect(old.figures().left).toBe(1)
    expect(((await server.ask('KEYS', 'agents:*')) as string[]).sort()).toEqual(['agents:ann', 'agents:bob'])
    for (const id of ['ann', 'bob']) {
      expect(JSON.parse(String(await server.ask('GET', `agents:${id}`)))).toMatchObject({ metadata: { version: 2 } })
    }
  })
})
