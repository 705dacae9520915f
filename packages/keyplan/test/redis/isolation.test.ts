import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectTo, type LiveServer, sender } from '../live-server.ts'

let server: RedisProcess
let proxy: FaultProxy
let live: LiveServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  proxy = await startProxy({ to: server.port })
  live = await connectTo(proxy.port)
})
afterEach(async () => {
  await live.close()
  await proxy.close()
})

const connections = () => live.events.filter(({ type }) => type === 'ready').length

test('500 calls on a link survive the deadline and the abort of two others', async () => {
  await proxy.delay({ down: 300 })
  const echo = sender(live)
  const controller = new AbortController()
  const hasty = echo('echo', ['hasty'], { deadline: '20ms' })
  const aborted = echo('echo', ['aborted'], { signal: controller.signal })
  const innocent = Promise.all(Array.from({ length: 500 }, (_, index) => echo('echo', [`innocent ${index}`])))
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
  await expect(hasty).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
  expect(await innocent).toEqual(Array.from({ length: 500 }, (_, index) => `innocent ${index}`))
  expect(connections()).toBe(1)
  expect(live.breaker.state).toBe('closed')
})

test('of 10,000 calls, delayed, aborted and out of time, none gets the reply of another', async () => {
  const echo = sender(live)
  let wrong = 0
  let answered = 0
  let given = 0
  for (let round = 0; round < 10; round++) {
    await proxy.delay({ down: round % 2 === 0 ? 30 : 0 })
    await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const text = `${round}/${index}`
        const controller = new AbortController()
        if (index % 3 === 0) setImmediate(() => controller.abort())
        const deadline = index % 3 === 1 ? '15ms' : '5s'
        try {
          const reply = await echo('echo', [text], { signal: controller.signal, deadline })
          if (reply !== text) wrong++
          answered++
        } catch {
          given++
        }
      }),
    )
  }
  expect(wrong).toBe(0)
  expect(answered + given).toBe(10_000)
  expect(answered).toBeGreaterThan(3_000)
  expect(given).toBeGreaterThan(1_500)
  expect(connections()).toBe(1)
})

test('a call whose signal had fired, or whose time was up, is not sent', async () => {
  const incr = sender(live)
  await expect(incr('incr', ['n'], { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
    outcome: 'not-executed',
  })
  const late = live.redis.send('incr', ['n'], { expires: 0, hold: true, written: 0 })
  await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
  expect(await sender(live)('get', ['n'])).toBe(null)
})

test('a reply that is cut in the middle reaches nobody, and the next link starts clean', async () => {
  const value = 'x'.repeat(1_000)
  await sender(live)('set', ['k', value])
  await proxy.cut(40)
  await expect(sender(live)('get', ['k'])).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'unknown' })
  await proxy.pass()
  expect(await sender(live)('get', ['k'])).toBe(value)
})

test('1,000 calls may share one signal, and none leaves a listener on it', async () => {
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++
    addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--
    removeEventListener.apply(signal, args)
  }
  const warnings: Error[] = []
  const warn = (warning: Error) => warnings.push(warning)
  process.on('warning', warn)
  await Promise.all(Array.from({ length: 1_000 }, () => sender(live)('ping', [], { signal })))
  process.off('warning', warn)
  expect(listeners).toBe(0)
  expect(warnings).toEqual([])
})
