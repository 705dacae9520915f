import { beforeEach, expect, test } from 'vitest'
import { type LiveServer, sender, until } from '../live-server.ts'
import { proxiedServer } from './proxied-server.ts'

const server = proxiedServer()
let live: LiveServer

beforeEach(async () => {
  live = await server.connect()
})

const counted = async (key: string) => Number(await server.direct.ask('GET', key))

test('a write whose reply was lost ends as unknown and is never sent again by itself', async () => {
  await server.proxy.swallowReplies()
  const call = sender(live)('incr', ['n'])
  await until(async () => (await counted('n')) === 1)
  await server.proxy.reset()
  await expect(call).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'unknown', operation: 'send' })
  await server.proxy.pass()
  // Whatever was on its way again would reach the server ahead of this.
  expect(await sender(live)('echo', ['after'])).toBe('after')
  expect(await counted('n')).toBe(1)
})

test('an operation that may be repeated is, until a reply comes', async () => {
  await server.proxy.swallowReplies()
  const call = sender(live, { idempotent: true })('set', ['k', 'v'])
  await until(async () => (await server.direct.ask('GET', 'k')) === 'v')
  await server.direct.ask('DEL', 'k')
  await server.proxy.pass()
  expect(await call).toBe('OK')
  expect(await server.direct.ask('GET', 'k')).toBe('v')
})

test('an operation that may be repeated ends as unknown if any of its tries may have run', async () => {
  await server.proxy.swallowReplies()
  const call = sender(live, { idempotent: true })('incr', ['n'], { deadline: '400ms' })
  await until(async () => (await counted('n')) === 1)
  await server.proxy.refuse()
  await expect(call).rejects.toMatchObject({ outcome: 'unknown' })
  expect(await counted('n')).toBe(1)
})

test('a call that was never written is held and executed exactly once when the server is back', async () => {
  await server.proxy.refuse()
  await until(() => live.connection.state === 'down')
  const calls = Promise.all(Array.from({ length: 100 }, () => sender(live)('incr', ['n'])))
  await server.proxy.pass()
  expect((await calls).length).toBe(100)
  expect(await counted('n')).toBe(100)
})

test('a call is held for longer than one try may take', async () => {
  await live.close()
  await server.proxy.refuse()
  live = server.open({ attempt: 50 })
  const call = sender(live)('incr', ['n'])
  const impatient = sender(live)('incr', ['n'], { deadline: '150ms' })
  await expect(impatient).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
  await server.proxy.pass()
  expect(await call).toBe(1)
})

test('a call that was made on a link already broken was not executed', async () => {
  const calls: Promise<unknown>[] = []
  await server.proxy.reset()
  // From the moment the socket ends until the loss is known.
  await until(() => {
    calls.push(sender(live)('incr', ['n'], { deadline: '300ms' }).catch(error => error.outcome))
    return live.connection.state === 'down'
  })
  const outcomes = await Promise.all(calls)
  expect(outcomes.at(-1)).toBe('not-executed')
  expect(await server.direct.ask('GET', 'n')).toBe(null)
})

test('held calls keep their order, and a retried one its place before those made later', async () => {
  await server.proxy.swallowReplies()
  const first = sender(live, { idempotent: true })('set', ['k', 'first'])
  await until(async () => (await server.direct.ask('GET', 'k')) === 'first')
  await server.proxy.refuse()
  await until(() => live.connection.state === 'down')
  const later = ['second', 'third', 'last'].map(value => sender(live, { idempotent: true })('set', ['k', value]))
  await server.proxy.pass()
  await Promise.all([first, ...later])
  expect(await server.direct.ask('GET', 'k')).toBe('last')
})
