import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { KeyplanError } from '../../src/base/error.ts'
import type { Outage } from '../../src/redis/redis.ts'
import { callFor, type LiveServer, openTo, until } from '../live-server.ts'

let server: RedisProcess
const open: LiveServer[] = []

beforeAll(async () => {
  server = await startRedis({ appendonly: true })
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  if (!server.running) await server.restart()
})
afterEach(async () => {
  for (const { close } of open.splice(0)) await close()
})

function connected(): LiveServer {
  const live = openTo(server.port)
  open.push(live)
  return live
}

describe('what is to be done before a new link is used', () => {
  test('is not done for the first link of a process that met no outage', async () => {
    const live = connected()
    const outages: Outage[] = []
    live.redis.beforeReady(async (_, outage) => {
      outages.push(outage)
    })
    await until(() => live.connection.state === 'ready')
    expect(outages).toEqual([])
  })

  test('is done before waiting calls, and knows a restart from a lost link', async () => {
    const live = connected()
    await until(() => live.connection.state === 'ready')
    const order: string[] = []
    live.redis.beforeReady(async (redis, { restarted, lasted }) => {
      await redis.send('set', ['mark', 'recovered'], callFor())
      order.push(`recovered, restarted ${restarted}, ${lasted > 0}`)
    })
    const losses = () => live.events.filter(({ type }) => type === 'lost').length
    await live.redis.send('client', ['kill', 'skipme', 'no', 'type', 'normal'], callFor()).catch(() => {})
    await until(() => losses() === 1)
    order.push(String(await live.redis.send('get', ['mark'], callFor())))
    await server.restart()
    await until(() => losses() === 2)
    order.push(String(await live.redis.send('get', ['mark'], callFor())))
    expect(order).toEqual([
      'recovered, restarted false, true',
      'recovered',
      'recovered, restarted true, true',
      'recovered',
    ])
  })

  test('is done for a process that began during an outage', async () => {
    await server.kill()
    const live = connected()
    const outages: Outage[] = []
    live.redis.beforeReady(async (_, outage) => {
      outages.push(outage)
    })
    await until(() => live.connection.state === 'down')
    await server.restart()
    await until(() => live.connection.state === 'ready')
    expect(outages).toMatchObject([{ restarted: true }])
  })

  test('fails the link when it fails, and is done again on the next', async () => {
    const live = connected()
    await until(() => live.connection.state === 'ready')
    let attempts = 0
    live.redis.beforeReady(async () => {
      if (++attempts < 3) throw new KeyplanError('DISCONNECTED', 'not yet')
    })
    await server.restart()
    expect(await live.redis.send('ping', [], callFor())).toBe('PONG')
    expect(attempts).toBe(3)
  })
})
