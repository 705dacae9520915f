import { setTimeout as sleep } from 'node:timers/promises'
import {
  connectResp,
  type FaultProxy,
  type RedisProcess,
  type RespConnection,
  startProxy,
  startRedis,
} from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { createBell, localWake, redisWake } from '../../src/mechanisms/wake.ts'
import { until } from '../live-server.ts'
import { connectTo, type LiveServer } from './lock-redis-harness.ts'

test('a ring before the wait ends it at once, and ends only one', async () => {
  const clock = handClock()
  const bell = createBell(clock, false)
  bell.ring()
  bell.ring()
  await bell.wait(1_000)
  let ended = false
  const second = bell.wait(1_000).then(() => {
    ended = true
  })
  await clock.advance(999)
  expect(ended).toBe(false)
  await clock.advance(1)
  await second
})

test('a wait that is longer than a timer can be does not end at once', async () => {
  const bell = createBell(realClock, false)
  let ended = false
  const wait = bell.wait(60 * 86_400_000).then(() => {
    ended = true
  })
  await sleep(20)
  expect(ended).toBe(false)
  bell.ring()
  await wait
})

let server: RedisProcess
let proxy: FaultProxy
let connection: LiveServer
let plain: RespConnection

beforeAll(async () => {
  server = await startRedis()
  plain = await connectResp({ port: server.port })
})
afterAll(async () => {
  plain.close()
  await server.cleanUp()
})
beforeEach(async () => {
  proxy = await startProxy({ to: server.port })
  connection = await connectTo(proxy.port)
})
afterEach(async () => {
  await connection.close()
  await proxy.close()
})

const subscribers = async (channel: string) => ((await plain.ask('PUBSUB', 'NUMSUB', channel)) as [string, number])[1]

test('listening rings when it is confirmed, for each message, and after a gap', async () => {
  const wake = redisWake(connection.redis)
  let rings = 0
  const listening = wake.listen('one', () => rings++)
  expect(rings).toBe(0)
  await until(() => rings === 1)
  await plain.ask('PUBLISH', 'one', '')
  await until(() => rings === 2)
  await proxy.reset()
  await proxy.pass()
  await until(() => rings === 3)
  listening.close()
})

test('one subscription serves all and closes with the last; who comes late is rung at once', async () => {
  const wake = redisWake(connection.redis)
  let rings = 0
  const one = wake.listen('many', () => rings++)
  await until(() => rings === 1)
  let late = 0
  const two = wake.listen('many', () => late++)
  expect(late).toBe(1)
  expect(await subscribers('many')).toBe(1)
  one.close()
  one.close()
  await plain.ask('PUBLISH', 'many', '')
  await until(() => late === 2)
  expect(rings).toBe(1)
  two.close()
  await until(async () => (await subscribers('many')) === 0)
})

test('who listens again before an earlier subscription was confirmed still hears', async () => {
  const wake = redisWake(connection.redis)
  wake.listen('again', () => {}).close()
  let rings = 0
  const listening = wake.listen('again', () => rings++)
  await until(() => rings === 1)
  await plain.ask('PUBLISH', 'again', '')
  await until(() => rings === 2)
  listening.close()
  await until(async () => (await subscribers('again')) === 0)
})

test('after a refusal the next listener asks anew', async () => {
  const wake = redisWake(connection.redis)
  const denied = async () => ((await plain.ask('ACL', 'LOG')) as unknown[]).length === 1
  await plain.ask('ACL', 'SETUSER', 'default', 'resetchannels')
  let rings = 0
  const refused = wake.listen('later', () => rings++)
  await until(denied)
  await plain.ask('ACL', 'SETUSER', 'default', 'allchannels')
  const opened = await until(() => {
    const next = wake.listen('later', () => rings++)
    return subscribers('later').then(count => (count === 1 ? next : void next.close()))
  })
  await until(() => rings > 0)
  refused.close()
  expect(await subscribers('later')).toBe(1)
  opened?.close()
})

test('local notices reach who listens to the channel, until it closes', () => {
  const wake = localWake()
  let rings = 0
  const listening = wake.listen('c', () => rings++)
  expect(rings).toBe(1)
  wake.notify('d')
  wake.notify('c')
  listening.close()
  wake.notify('c')
  expect(rings).toBe(2)
})
