import { connectResp, type RedisProcess, type RespConnection, startRedis } from '@keyplan/local'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { type RateLimitNamespace, type RateLimitResult, rateLimit } from '../../src/index.ts'
import type { Opened } from '../../src/kinds/kind.ts'
import { rateLimitKind } from '../../src/kinds/rate-limit/kind.ts'
import { openRates } from '../../src/kinds/rate-limit/open.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { algorithms, fits, type LimitOptions } from '../conformance/rate-limit.ts'
import { connectTo, type LiveServer, until } from '../live-server.ts'

/** What processes count by themselves while Redis cannot be asked, and what becomes of it. */

let server: RedisProcess
let plain: RespConnection
const opened: Opened<RateLimitNamespace>[] = []
const connections: LiveServer[] = []

beforeEach(async () => {
  server = await startRedis({ appendonly: true })
  plain = await connectResp({ port: server.port })
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  for (const one of connections.splice(0)) await one.close()
  plain.close()
  await server.cleanUp()
})

/** A process of its own, as far as Redis can tell. */
async function startProcess(options: LimitOptions, instance: string, source = 'limit:<id>') {
  const connection = await connectTo(server.port, { scripts: rateLimitKind.scripts })
  connections.push(connection)
  const one = openRates(rateLimit<string, string>(source, options), {
    name: 'limits',
    pattern: parsePattern(source),
    clock: realClock,
    instance,
    server: connection,
    bare: createBareGuard(),
    notify: () => {},
  })
  opened.push(one)
  return { limits: one.client, connection, close: one.close }
}

const instancesKey = '{limit:<id>}:~instances'

async function ask(limits: RateLimitNamespace, times: number, id = 'a'): Promise<RateLimitResult[]> {
  const results: RateLimitResult[] = []
  for (let count = 0; count < times; count++) results.push(await limits({ id }).consume())
  return results
}

test('each of the living processes allows its share; the set of them has a time to live and ends with the last', async () => {
  const options = { limit: 12, window: '1h', whenDown: 'memory' } as const
  const processes = [await startProcess(options, 'one'), await startProcess(options, 'two')]
  await until(async () => (await plain.ask('ZCARD', instancesKey)) === 2)
  // The third beats when all are known to it.
  processes.push(await startProcess(options, 'three'))
  await until(async () => (await plain.ask('ZCARD', instancesKey)) === 3)
  expect(Number(await plain.ask('PTTL', instancesKey))).toBeGreaterThan(0)
  const third = processes[2]!
  expect((await ask(third.limits, 1))[0]).toMatchObject({ allowed: true, limit: 12 })
  await server.kill()
  const counted = await ask(third.limits, 6)
  expect(counted.map(fits)).toEqual([true, true, true, true, false, false])
  for (const result of counted) expect(result).toMatchObject({ limit: 4, degraded: true })
  await server.restart()
  plain.close()
  plain = await connectResp({ port: server.port })
  for (const { connection } of processes) await until(() => connection.connection.state === 'ready')
  for (const { close } of processes) await close()
  expect(await plain.ask('EXISTS', instancesKey)).toBe(0)
})

test('a plan that does not need to know who is alive writes nothing of it', async () => {
  const { limits } = await startProcess({ limit: 2, window: '1h', whenDown: 'memory', instances: 2 }, 'one')
  await startProcess({ limit: 2, window: '1h' }, 'two')
  await limits({ id: 'a' }).consume()
  expect(await plain.ask('KEYS', '*')).toEqual(['limit:a'])
})

test.each(algorithms)('%s: what was allowed during an outage counts afterwards', async algorithm => {
  const options = { limit: 10, window: '30d', algorithm, whenDown: 'memory', instances: 1 } as const
  const { limits, connection } = await startProcess(options, 'one')
  await limits({ id: 'a' }).consume({ cost: 3 })
  await server.kill()
  expect(await limits({ id: 'a' }).consume({ cost: 4 })).toMatchObject({ allowed: true, degraded: true })
  expect(await limits({ id: 'b' }).penalty(15)).toMatchObject({ allowed: false, degraded: true })
  await server.restart()
  await until(() => connection.connection.state === 'ready')
  const { limits: other } = await startProcess(options, 'two')
  expect(await other({ id: 'a' }).peek()).toMatchObject({ allowed: true, remaining: 3 })
  expect(await other({ id: 'b' }).peek()).toMatchObject({ allowed: false, remaining: 0 })
  expect(await limits({ id: 'a' }).consume({ cost: 4 })).toMatchObject({ allowed: false, remaining: 3 })
})

test.each(algorithms)('%s: of several processes each tells what it has allowed, and no more', async algorithm => {
  const options = { limit: 100, window: '30d', algorithm, whenDown: 'memory', instances: 4 } as const
  const { limits, connection } = await startProcess(options, 'one')
  await server.kill()
  expect(await limits({ id: 'a' }).consume({ cost: 7 })).toMatchObject({ remaining: 18, degraded: true })
  expect(await limits({ id: 'b' }).consume({ cost: 9 })).toMatchObject({ remaining: 16, degraded: true })
  await server.restart()
  await until(() => connection.connection.state === 'ready')
  const { limits: other } = await startProcess(options, 'two')
  expect(await other({ id: 'a' }).peek()).toMatchObject({ remaining: 93 })
  expect(await other({ id: 'b' }).peek()).toMatchObject({ remaining: 91 })
})

test('where the link stayed, counts are told to Redis once it answers again', async () => {
  const { limits } = await startProcess({ limit: 10, window: '1h', whenDown: 'memory', instances: 1 }, 'one')
  await limits({ id: 'a' }).consume()
  await plain.ask('CONFIG', 'SET', 'maxmemory', '1')
  expect(await limits({ id: 'a' }).consume({ cost: 5 })).toMatchObject({ allowed: true, degraded: true })
  await plain.ask('CONFIG', 'SET', 'maxmemory', '0')
  await until(async () => (await limits({ id: 'b' }).peek()).degraded === undefined)
  await until(async () => (await limits({ id: 'a' }).peek()).remaining === 4)
})

test('of limits that are consumed together each answers as it declares; what one denies is not counted', async () => {
  const connection = await connectTo(server.port, { scripts: rateLimitKind.scripts })
  connections.push(connection)
  const open = (source: string, options: LimitOptions) => {
    const one = openRates(rateLimit<string, string>(source, options), {
      name: source,
      pattern: parsePattern(source),
      clock: realClock,
      instance: 'one',
      server: connection,
      bare: createBareGuard(),
      notify: () => {},
    })
    opened.push(one)
    return one.client({ id: 'a' })
  }
  const limit = { limit: 4, window: '1h' } as const
  const counting = open('counting:<id>', { ...limit, whenDown: 'memory', instances: 2 })
  const allowing = open('allowing:<id>', { ...limit, whenDown: 'allow' })
  const denying = open('denying:<id>', { ...limit, whenDown: 'deny' })
  await server.kill()
  expect(await allowing.with(counting).consume()).toMatchObject({ allowed: true, limit: 2, degraded: true })
  expect(await allowing.with(counting, denying).consume()).toMatchObject({ allowed: false, degraded: true })
  expect(await counting.peek()).toMatchObject({ remaining: 1, limit: 2 })
  await expect(counting.block('1s')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})
