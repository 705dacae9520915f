import { type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { callFor, type LiveServer, openTarget, sender, until } from '../live-server.ts'

let topology: SentinelTopology
const opened: LiveServer[] = []

beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())
afterEach(async () => {
  for (const live of opened.splice(0)) await live.close()
})

const addresses = () => topology.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))

function open(extra: Parameters<typeof openTarget>[0] = {}): LiveServer {
  const sentinel = { master: topology.masterName, access: {} }
  const live = openTarget({ topology: 'sentinel', addresses: addresses(), sentinel, ...extra })
  opened.push(live)
  return live
}

test('finds the master, and follows it when it is killed', { timeout: 60_000 }, async () => {
  const live = open()
  const send = sender(live, { idempotent: true })
  await send('set', ['k', 'before'])
  const before = await topology.master()
  expect(live.connection.name).toBe(`127.0.0.1:${before.port}`)

  await before.kill()
  await until(async () => {
    try {
      return (await send('set', ['k', 'after'])) === 'OK'
    } catch {
      return false
    }
  })
  // The Sentinels agree a little later.
  const after = await until(async () => {
    const master = await topology.master()
    return master.port !== before.port && master
  })
  expect(live.connection.name).toBe(`127.0.0.1:${after.port}`)
  expect(live.events.some(({ type }) => type === 'moved')).toBe(true)
  await before.restart()
})

test('an idle client moves at a planned failover, and idempotent calls see no error', { timeout: 60_000 }, async () => {
  const live = open()
  const idle = open()
  await until(() => live.connection.state === 'ready' && idle.connection.state === 'ready')
  const before = live.connection.name
  const send = sender(live, { idempotent: true })
  let over = false
  const failures: unknown[] = []
  const writing = (async () => {
    for (let count = 0; !over; count++) await send('set', ['count', count]).catch(error => failures.push(error))
  })()
  try {
    await topology.failover()
    await until(() => live.connection.name !== before && live.connection.state === 'ready')
    await until(() => idle.connection.name === live.connection.name)
  } finally {
    // Who writes to a closed client never lets go of the process.
    over = true
  }
  await writing
  expect(failures).toEqual([])
})

test('a master that was frozen and replaced gets no write any more', { timeout: 60_000 }, async () => {
  const live = open()
  const send = sender(live)
  await send('set', ['k', 'v'])
  const frozen = await topology.master()
  frozen.pause()
  const done: number[] = []
  const tally = { failed: 0, unknown: 0 }
  let over = false
  const writing = (async () => {
    for (let count = 0; !over; count++) {
      try {
        await send('set', [`zombie:${count}`, 1])
        done.push(count)
      } catch (error) {
        tally[(error as { outcome?: string }).outcome === 'unknown' ? 'unknown' : 'failed']++
      }
    }
  })()
  try {
    await until(async () => (await topology.master()).port !== frozen.port)
    frozen.resume()
    await until(() => done.length > 200)
  } finally {
    over = true
  }
  await writing
  for (const count of done) expect(await live.redis.send('get', [`zombie:${count}`], callFor())).toBe('1')
  expect(live.connection.name).not.toBe(`127.0.0.1:${frozen.port}`)
})
