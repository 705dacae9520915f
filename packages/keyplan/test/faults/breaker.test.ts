import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createConnection } from '../../src/client/connection.ts'
import { createEvents } from '../../src/client/events.ts'
import { createReporter } from '../../src/client/reporter.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { createTally } from '../../src/guard/tally.ts'
import { until } from '../live-server.ts'
import { infoFigure, timesRun } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()
const echo = { namespace: 'test', name: 'echo', operation: { idempotent: true, write: false } }

/** A connection with the library's own settings, whose time stands still until it is wound. */
async function wound(port: number) {
  const clock = handClock()
  const told: string[] = []
  const settings = resolveSettings({ url: `redis://127.0.0.1:${port}` }, {})
  const log = (_level: string, line: string) => void told.push(line)
  const connection = createConnection({
    settings,
    target: settings.target!,
    plan: 'wound',
    scripts: [],
    reporter: createReporter(createEvents(), log, () => 'here', clock),
    tally: createTally(),
    clock,
    isClosed: () => false,
  })
  onTestFinished(async () => {
    const closing = connection.close()
    for (let step = 0; step < 20; step++) await clock.advance(100)
    await closing
  })
  await connection.start()
  const { guard, redis } = connection.server
  const call = () => guard.run(echo, undefined, terms => redis.send('echo', ['x'], terms))
  /** In steps small enough that the sockets, which know only real time, keep up. */
  const wind = async (ms: number, meanwhile = () => {}) => {
    for (let passed = 0; passed < ms; passed += 500) {
      meanwhile()
      await clock.advance(500)
      await sleep(1)
    }
  }
  return { connection, told, call, wind }
}

test('after ten minutes without a server the breaker closes with the first link, and lines were few', async () => {
  const { proxy } = setup
  const { connection, told, call, wind } = await wound(proxy.port)
  expect(await call()).toBe('x')
  await proxy.refuse()
  await until(() => connection.link.state === 'down')
  const codes = new Map<string, number>()
  const count = (error: { code: string }) => void codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
  await wind(600_000, () => void call().catch(count))
  expect(connection.breakers.state).toBe('open')
  expect(codes.get('BREAKER_OPEN')).toBeGreaterThan(1_000)
  // Those that were held before it opened.
  expect(codes.get('TIMEOUT')).toBeLessThan(50)
  expect(told.length).toBeLessThanOrEqual(2 * 10 + 2)

  await proxy.pass()
  // The longest pause of the scout, and no probe interval.
  await wind(2_000)
  await until(async () => {
    await wind(500)
    return connection.link.state === 'ready'
  })
  await until(() => connection.breakers.state === 'closed')
  expect(await call()).toBe('x')
})

test.each([
  ['before its link was given up', '20s', ['breaker half-open', 'breaker closed']],
  ['with a new link', '500ms', ['reconnecting', 'breaker half-open', 'connected', 'breaker closed']],
] as const)('after a hang the breaker closes %s, and one call at a time probes', async (_, stall, story) => {
  const { server } = setup
  const { client, told } = await setup.openDirect({ attempt: '300ms', deadline: '600ms', stall })
  const key = client.raw.key({ id: 'n' })
  onTestFinished(() => server.resume())
  const before = told.length
  await server.pause()
  await until(async () => {
    await Promise.allSettled(Array.from({ length: 5 }, () => client.$command('GET', [key])))
    return client.$status.breaker === 'open'
  })
  const answers: Promise<unknown>[] = []
  let asked = 0
  const flood = setInterval(() => {
    for (let call = 0; call < 5; call++) answers.push(client.$command('GET', [key]).catch(({ code }) => code))
    asked += 5
  }, 10)
  onTestFinished(() => clearInterval(flood))
  await sleep(1_000)
  server.resume()
  await until(() => client.$status.state === 'connected')
  clearInterval(flood)
  await Promise.all(answers)
  // On a busy machine the link may be given up before the breaker opens.
  expect(told.slice(before).filter(event => event !== 'breaker open')).toEqual(story)
  expect(asked).toBeGreaterThan(100)
  // Of those that were refused the server has heard nothing.
  expect(await timesRun(server, 'get')).toBeLessThan(asked)
})

test('mistakes of the caller open nothing', async () => {
  const { server } = setup
  const { client, told } = await setup.openDirect()
  const key = client.raw.key({ id: 1 })
  await server.ask('RPUSH', key, 'not text')
  for (let round = 0; round < 20; round++) {
    await expect(client.$command('GET', [key])).rejects.toMatchObject({ code: 'WRONG_TYPE' })
    await expect(client.$command('LPUSH', [key])).rejects.toMatchObject({ code: 'SERVER' })
    await expect(client.$command('EVALSHA', ['0'.repeat(40), 0])).rejects.toMatchObject({ code: 'SERVER' })
  }
  expect(await infoFigure(server, 'stats', 'total_error_replies')).toBeGreaterThanOrEqual(60)
  expect([client.$status.breaker, told]).toEqual(['closed', []])
})
