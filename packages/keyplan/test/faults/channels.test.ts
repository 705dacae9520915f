import { setImmediate as turn } from 'node:timers/promises'
import { type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/index.ts'
import { type ChannelGap, channel, definePlan, json, text } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { proxyLinkOf, serverLinks } from './evidence.ts'

const plan = definePlan('messages', {
  passing: channel('passing:<id>', { value: json<number>() }),
  reliable: channel('reliable:<id>', { value: json<number>(), reliable: { keep: 100_000 } }),
  bulk: channel('bulk:<id>', { value: text(), buffer: { count: 50, bytes: '2mb' } }),
  strict: channel('strict:<id>', { value: json<number>(), whenDown: 'fail' }),
})

let server: RedisProcess
beforeEach(async () => {
  server = await startRedis({ appendonly: true, args: { 'client-output-buffer-limit': 'pubsub 262144 65536 2' } })
})
afterEach(() => server.cleanUp())

async function open(options: ConnectOptions = {}) {
  const client = await connect(plan, { url: server.url, log: false, start: 'required', ...options })
  onTestFinished(() => client.$close())
  return client
}

/** Each is larger than the one before: nothing came twice or in another order. */
const grows = (numbers: readonly number[]) => numbers.every((n, at) => at === 0 || n > numbers[at - 1]!)

describe('subscriber links that are killed while 1..N is published', () => {
  test('every handler is told of each gap, nothing comes twice, and of a reliable channel nothing is missing', async () => {
    const [listener, publisher] = [await open(), await open()]
    const passing = Array.from({ length: 3 }, () => ({ numbers: [] as number[], gaps: [] as ChannelGap[] }))
    for (const { numbers, gaps } of passing) {
      await listener.passing({ id: 'a' }).subscribe(({ message }) => numbers.push(message), {
        gap: gap => gaps.push(gap),
      })
    }
    const [one, all] = [[] as number[], [] as number[]]
    const holes: ChannelGap[] = []
    await listener.reliable({ id: 'a' }).subscribe(({ message }) => one.push(message), { gap: gap => holes.push(gap) })
    await listener.reliable.subscribeAll(({ message }) => all.push(message))
    const looped: number[] = []
    const looping = (async () => {
      for await (const { message } of listener.reliable({ id: 'a' }).messages({ after: 'start' })) {
        looped.push(message)
        if (message < 0) return
      }
    })()

    let published = 0
    let over = false
    const publishing = (async () => {
      while (!over) {
        published++
        await Promise.all([
          publisher.passing({ id: 'a' }).publish(published),
          publisher.reliable({ id: 'a' }).publish(published),
        ])
      }
    })()
    for (let kills = 1; kills <= 5; kills++) {
      const reached = published
      await until(() => published > reached + 100)
      await server.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until(() => passing.every(({ gaps }) => gaps.length === kills))
    }
    const reached = published
    await until(() => published > reached + 50)
    over = true
    await publishing
    await publisher.reliable({ id: 'a' }).publish(-1)
    await until(() => one.at(-1) === -1 && all.at(-1) === -1)
    await looping

    const whole = [...Array.from({ length: published }, (_, index) => index + 1), -1]
    expect([one, all, looped]).toEqual([whole, whole, whole])
    expect(holes).toEqual([])
    await until(() => passing.every(({ numbers }) => numbers.at(-1) === published))
    for (const { numbers, gaps } of passing) {
      expect(gaps).toEqual(Array(5).fill({ missing: undefined }))
      expect(grows(numbers)).toBe(true)
    }
    expect(listener.$stats().namespaces.passing?.channel).toMatchObject({ gaps: 15, dropped: 0 })
  })
})

test('over kill -9 and a restart a reliable channel misses nothing that was acknowledged, and what was dropped is counted', async () => {
  const [listener, publisher] = [await open(), await open()]
  const numbers: number[] = []
  const gaps: ChannelGap[] = []
  await listener.reliable({ id: 'a' }).subscribe(({ message }) => numbers.push(message), { gap: gap => gaps.push(gap) })
  const acknowledged: number[] = []
  let n = 0
  const burst = async (count: number) => {
    for (let index = 0; index < count; index++) {
      const mine = ++n
      await publisher
        .reliable({ id: 'a' })
        .publish(mine, { deadline: '200ms' })
        .then(
          () => acknowledged.push(mine),
          () => turn(),
        )
    }
  }
  await burst(100)
  await server.kill()
  expect(await publisher.passing({ id: 'a' }).publish(1)).toEqual({ receivers: 0, id: undefined, degraded: true })
  await expect(publisher.strict({ id: 'a' }).publish(1, { deadline: '100ms' })).rejects.toMatchObject({
    retryable: true,
  })
  await burst(3)
  await server.restart()
  await until(() => publisher.$status.state === 'connected')
  await burst(100)
  await until(() => numbers.at(-1) === acknowledged.at(-1))
  const missing = acknowledged.filter(mine => !numbers.includes(mine))
  expect([missing, gaps, grows(numbers)]).toEqual([[], [], true])
  expect(publisher.$stats().namespaces.passing?.channel).toMatchObject({ published: 0, publishesDropped: 1 })
})

test('a subscriber link that fell silent is found without traffic, and told as a gap', async () => {
  await using proxy = await startProxy({ to: server.port })
  const listener = await open({ url: `redis://127.0.0.1:${proxy.port}` })
  const gaps: ChannelGap[] = []
  await listener.passing({ id: 'quiet' }).subscribe(() => {}, { gap: gap => gaps.push(gap) })
  const [link] = await serverLinks(server, 'subscriber')
  proxyLinkOf(proxy.links, link!).apply({ kind: 'blackhole' })
  await until(() => gaps.length > 0)
  // The server has not noticed anything: it is the client's own ping that went unanswered.
  expect((await serverLinks(server, 'subscriber')).some(({ id }) => id === link!.id)).toBe(true)
})

describe('a flood', () => {
  const message = 'x'.repeat(20_000)

  test('of messages that a handler cannot follow waits in a bounded inbox, and the rest is counted', async () => {
    const [listener, publisher] = [await open(), await open()]
    let goOn = () => {}
    const held = new Promise<void>(resolve => {
      goOn = resolve
    })
    let delivered = 0
    const subscription = await listener.bulk({ id: 'a' }).subscribe(async () => {
      delivered++
      await held
    })
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 20 }, () => publisher.bulk({ id: 'a' }).publish(message)))
      expect(subscription.waiting).toBeLessThanOrEqual(50)
    }
    await until(() => subscription.dropped === 400 - 1 - 50)
    expect([delivered, subscription.waiting]).toEqual([1, 50])
    goOn()
    await until(() => delivered === 51)
    expect(listener.$stats().namespaces.bulk?.channel).toMatchObject({ received: 400, delivered: 51, dropped: 349 })
  })

  test('that makes the server hang up on who does not read is told as a gap, and it listens again', async () => {
    await using proxy = await startProxy({ to: server.port })
    const listener = await open({ url: `redis://127.0.0.1:${proxy.port}` })
    const publisher = await open()
    let heard = 0
    const gaps: ChannelGap[] = []
    await listener.bulk({ id: 'a' }).subscribe(() => void heard++, { gap: gap => gaps.push(gap) })
    const [link] = await serverLinks(server, 'subscriber')
    proxyLinkOf(proxy.links, link!).apply({ kind: 'blackhole' })
    // Its pipe and the buffers of both systems fill up first.
    while ((await serverLinks(server, 'subscriber')).some(({ id }) => id === link!.id)) {
      await Promise.all(Array.from({ length: 20 }, () => publisher.bulk({ id: 'a' }).publish(message)))
    }
    expect(server.log(200).some(line => line.includes('output buffer limits'))).toBe(true)
    await until(() => gaps.length === 1)
    const before = heard
    await publisher.bulk({ id: 'a' }).publish('again')
    await until(() => heard > before)
  })
})
