import { beforeEach, expect, test } from 'vitest'
import { type LiveServer, until } from '../live-server.ts'
import { proxiedServer } from './proxied-server.ts'

const server = proxiedServer()
let live: LiveServer

beforeEach(async () => {
  live = await server.connect()
})

function listener() {
  const heard: string[] = []
  return { heard, message: (text: string) => heard.push(text), gap: () => heard.push('gap') }
}
const subscribers = async (channel: string) => ((await server.direct.ask('PUBSUB', 'NUMSUB', channel)) as unknown[])[1]
const links = async () =>
  String(await server.direct.ask('CLIENT', 'LIST'))
    .match(/name=keyplan:test:\w+/g)
    ?.sort() ?? []

/** Loses both links and waits for the next ones. */
async function flap(...channels: string[]): Promise<void> {
  await server.proxy.refuse()
  await until(() => live.connection.state === 'down')
  await server.proxy.pass()
  await until(() => live.connection.state === 'ready')
  for (const channel of channels) await until(async () => (await subscribers(channel)) === 1)
}

test('one link listens for all, and is only opened when someone does', async () => {
  expect(await links()).toEqual(['name=keyplan:test:commands'])
  const one = listener()
  const two = listener()
  await Promise.all([live.redis.subscribe('a', one), live.redis.subscribe('a', two), live.redis.subscribe('b', one)])
  expect(await links()).toEqual(['name=keyplan:test:commands', 'name=keyplan:test:subscriber'])
  expect(await server.direct.ask('PUBLISH', 'a', 'to a')).toBe(1)
  await server.direct.ask('PUBLISH', 'b', 'to b')
  await until(() => one.heard.length === 2)
  expect([one.heard, two.heard]).toEqual([['to a', 'to b'], ['to a']])
})

test('a channel is left with its last listener, and may be joined again at once', async () => {
  const { heard, ...handlers } = listener()
  const twice = await Promise.all([live.redis.subscribe('a', handlers), live.redis.subscribe('a', handlers)])
  twice[0].close()
  twice[0].close()
  await server.direct.ask('PUBLISH', 'a', 'once')
  await until(() => heard.length === 1)
  twice[1].close()
  const again = await live.redis.subscribe('a', handlers)
  await server.direct.ask('PUBLISH', 'a', 'again')
  await until(() => heard.length === 2)
  again.close()
  await until(async () => (await subscribers('a')) === 0)
  expect(heard).toEqual(['once', 'again'])
})

test('each lost link is told once to every channel that was heard, and to no other', async () => {
  const one = listener()
  const two = listener()
  await live.redis.subscribe('a', one)
  await live.redis.subscribe('b', two)
  for (let loss = 0; loss < 3; loss++) await flap('a', 'b')
  await server.direct.ask('PUBLISH', 'a', 'end')
  await server.direct.ask('PUBLISH', 'b', 'end')
  await until(() => one.heard.includes('end') && two.heard.includes('end'))
  expect([one.heard, two.heard]).toEqual(Array(2).fill(['gap', 'gap', 'gap', 'end']))
  expect((await links()).length).toBe(2)
})

test('who subscribes while the server is down is subscribed when it is back, without a gap', async () => {
  const early = listener()
  await server.proxy.refuse()
  await until(() => live.connection.state === 'down')
  const subscribing = live.redis.subscribe('a', early)
  await server.proxy.pass()
  const subscription = await subscribing
  await server.direct.ask('PUBLISH', 'a', 'x')
  await until(() => early.heard.length === 1)
  expect(early.heard).toEqual(['x'])
  subscription.close()
})

test('who leaves while the server is down is not subscribed again', async () => {
  const gone = listener()
  const stays = listener()
  const leaving = await live.redis.subscribe('gone', gone)
  await live.redis.subscribe('stays', stays)
  await server.proxy.refuse()
  await until(() => live.connection.state === 'down')
  leaving.close()
  await server.proxy.pass()
  await until(() => stays.heard.includes('gap'))
  expect(await subscribers('gone')).toBe(0)
  expect(gone.heard).toEqual([])
})

test('a gap is told before what comes on the new link, also where that comes with the answer to SUBSCRIBE', async () => {
  const { heard, ...handlers } = listener()
  await live.redis.subscribe('a', handlers)
  await server.proxy.delay({ down: 100 })
  await server.direct.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until(async () => (await subscribers('a')) === 0)
  await until(async () => (await subscribers('a')) === 1)
  await server.direct.ask('PUBLISH', 'a', 'x')
  await server.proxy.blackhole()
  await server.proxy.pass()
  await until(() => heard.length === 2)
  expect(heard).toEqual(['gap', 'x'])
})

test('a subscription survives the loss of the link it was asked on', async () => {
  await server.proxy.swallowReplies()
  const late = listener()
  const subscribing = live.redis.subscribe('a', late)
  await until(() => server.proxy.totals.connections === 2)
  await server.proxy.pass()
  await subscribing
  expect(await subscribers('a')).toBe(1)
})

test('a listener that throws does not keep others from hearing', async () => {
  const { heard, ...handlers } = listener()
  const trapped: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', error => trapped.push(error))
  try {
    await live.redis.subscribe('a', {
      message: () => {
        throw new Error('mine')
      },
    })
    await live.redis.subscribe('a', handlers)
    await server.direct.ask('PUBLISH', 'a', 'x')
    await until(() => heard.length === 1 && trapped.length === 1)
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  }
  expect(trapped).toEqual([new Error('mine')])
})

test('a channel the user may not hear is refused, and does not hide the gap of another', async () => {
  await server.direct.ask('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~*', '+@all', 'resetchannels', '&a', '&b')
  await live.close()
  live = await server.connect({ username: 'narrow', password: () => 'pw' })
  const one = listener()
  await live.redis.subscribe('b', listener())
  await live.redis.subscribe('a', one)
  await expect(live.redis.subscribe('c', listener())).rejects.toMatchObject({ code: 'NO_PERMISSION' })
  // Cuts off who listens to what the user no longer may.
  await server.direct.ask('ACL', 'SETUSER', 'narrow', 'resetchannels', '&a')
  await until(() => one.heard.includes('gap'))
  expect(await subscribers('b')).toBe(0)
})

test('closing ends a subscription that waits for the server', async () => {
  await server.proxy.refuse()
  live = server.open()
  const waiting = live.redis.subscribe('a', listener())
  const ended = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' })
  await live.close()
  await ended
  await expect(live.redis.subscribe('a', listener())).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a pattern is heard with the channel of each message, beside exact and sharded ones', async () => {
  const heard: string[] = []
  const message = (text: string, channel: string) => heard.push(`${channel} ${text}`)
  const pattern = await live.redis.subscribe('news:*', { message }, 'pattern')
  const sharded = await live.redis.subscribe('news:a', { message }, 'sharded')
  await live.redis.subscribe('news:a', { message })
  await server.direct.ask('PUBLISH', 'news:b', 'one')
  await server.direct.ask('SPUBLISH', 'news:a', 'two')
  await until(() => heard.length === 2)
  pattern.close()
  sharded.close()
  await until(async () => (await server.direct.ask('PUBSUB', 'NUMPAT')) === 0)
  await server.direct.ask('PUBLISH', 'news:a', 'three')
  await until(() => heard.length === 3)
  expect(heard).toEqual(['news:b one', 'news:a two', 'news:a three'])
})
