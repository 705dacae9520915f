import { beforeEach, expect, test } from 'vitest'
import { sender } from '../live-server.ts'
import { proxiedServer } from './proxied-server.ts'

const server = proxiedServer()

beforeEach(() => server.proxy.refuse())

test('beyond the bound of calls the rest is refused at once, and those that wait keep their order', async () => {
  const live = server.open({ waiting: { calls: 100, bytes: 1_000_000 } })
  const calls = Array.from({ length: 5_000 }, (_, index) => sender(live)('rpush', ['list', index]))
  const refused = await Promise.allSettled(calls.slice(100))
  const reasons = new Set(refused.map(result => result.status === 'rejected' && result.reason.code))
  expect([...reasons]).toEqual(['OVERLOADED'])
  expect(refused[0]).toMatchObject({ reason: { outcome: 'not-executed', namespace: 'test' } })
  await server.proxy.pass()
  expect((await Promise.all(calls.slice(0, 100))).length).toBe(100)
  expect(await server.direct.ask('LRANGE', 'list', '0', '-1')).toEqual(
    Array.from({ length: 100 }, (_, index) => `${index}`),
  )
  // An overload says nothing of the server.
  expect(live.breaker.state).toBe('closed')
})

test('beyond the bound of bytes the rest is refused', async () => {
  const live = server.open({ waiting: { calls: 100, bytes: 10_000 } })
  const large = 'x'.repeat(6_000)
  const first = sender(live)('set', ['a', large])
  await expect(sender(live)('set', ['b', large])).rejects.toMatchObject({ code: 'OVERLOADED' })
  const small = sender(live)('set', ['c', 'small'])
  await server.proxy.pass()
  expect(await Promise.all([first, small])).toEqual(['OK', 'OK'])
})

test('what waits no longer, by its time or by its signal, makes room and is never sent', async () => {
  const live = server.open({ waiting: { calls: 4, bytes: 1_000_000 } })
  const set = sender(live, { idempotent: true })
  const controller = new AbortController()
  const over = [
    set('set', ['late', 'old'], { deadline: '50ms' }),
    set('set', ['late', 'older'], { deadline: '60ms' }),
    set('set', ['aborted', 'old'], { signal: controller.signal }),
  ]
  const kept = set('set', ['kept', 'new'])
  controller.abort()
  expect((await Promise.allSettled(over)).map(result => result.status === 'rejected' && result.reason.outcome)).toEqual(
    Array(3).fill('not-executed'),
  )
  const more = Array.from({ length: 3 }, (_, index) => set('set', [`more${index}`, 'new']))
  await server.proxy.pass()
  expect(await Promise.all([kept, ...more])).toEqual(Array(4).fill('OK'))
  expect(await server.direct.ask('EXISTS', 'late', 'aborted')).toBe(0)
})

test('closing ends those that wait, each with an error of its own', async () => {
  const live = server.open()
  const { guard, redis } = live
  const subject = (namespace: string) => ({ namespace, name: 'step', operation: { idempotent: true, write: true } })
  const calls = ['one', 'two'].map(name => guard.run(subject(name), undefined, call => redis.send('ping', [], call)))
  const settled = Promise.allSettled(calls)
  await live.close()
  const errors = (await settled).map(result => result.status === 'rejected' && result.reason)
  expect(errors).toMatchObject([
    { code: 'CLOSED', namespace: 'one', outcome: 'not-executed' },
    { code: 'CLOSED', namespace: 'two', outcome: 'not-executed' },
  ])
  await expect(sender(live)('ping')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('closing lets calls in flight finish, and does not wait for those that do not', async () => {
  await server.proxy.pass()
  const live = await server.connect({ stall: 200 })
  await server.proxy.delay({ down: 50 })
  const finishing = sender(live)('echo', ['bye'])
  await live.close()
  expect(await finishing).toBe('bye')

  await server.proxy.pass()
  const next = await server.connect({ stall: 200 })
  await server.proxy.swallowReplies()
  const hanging = sender(next)('echo', ['bye'])
  const ended = expect(hanging).rejects.toMatchObject({ outcome: 'unknown' })
  await next.close()
  await ended
})

test('no more are under way than there is room for; the others wait their turn, in order, and then are refused', async () => {
  await server.proxy.pass()
  const live = await server.connect({ inFlight: 10, waiting: { calls: 100, bytes: 1_000_000 } })
  await server.proxy.delay({ down: 30 })
  const calls = Array.from({ length: 200 }, (_, index) => sender(live)('rpush', ['list', index]))
  const refused = await Promise.allSettled(calls.slice(110))
  expect(new Set(refused.map(result => result.status === 'rejected' && result.reason.code))).toEqual(
    new Set(['OVERLOADED']),
  )
  expect(refused[0]).toMatchObject({
    reason: { message: expect.stringMatching(/has 10 commands under way, and 100 /) },
  })
  expect(await Promise.all(calls.slice(0, 110))).toEqual(Array.from({ length: 110 }, (_, index) => index + 1))
  expect(await server.direct.ask('LRANGE', 'list', '0', '-1')).toEqual(
    Array.from({ length: 110 }, (_, index) => `${index}`),
  )
})

test('when the link is lost those that waited for room wait for the next link', async () => {
  await server.proxy.pass()
  const live = await server.connect({ inFlight: 2 })
  await server.proxy.blackhole()
  const calls = Array.from({ length: 6 }, (_, index) => sender(live)('rpush', ['list', index]))
  const first = Promise.allSettled(calls.slice(0, 2))
  await server.proxy.reset()
  await server.proxy.pass()
  expect((await first).map(result => result.status === 'rejected' && result.reason.outcome)).toEqual([
    'unknown',
    'unknown',
  ])
  expect((await Promise.all(calls.slice(2))).length).toBe(4)
})
