import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { json } from '../../src/index.ts'
import { stream } from '../../src/kinds/stream/contract.ts'
import { createMemoryStreamStore } from '../../src/kinds/stream/memory.ts'
import { streamNames } from '../../src/kinds/stream/names.ts'
import { createRedisStreamStore } from '../../src/kinds/stream/redis.ts'
import { streamScripts } from '../../src/kinds/stream/scripts.ts'
import type { StreamStore } from '../../src/kinds/stream/store.ts'
import { callFor, connectTo } from '../live-server.ts'

const { options } = stream('events', {
  value: json<number>(),
  groups: { workers: { start: '0' } },
  idempotency: { by: () => 'effect' },
})

interface Harness {
  readonly store: StreamStore
  /** So much time passes for what is known of effects. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

async function inMemory(): Promise<Harness> {
  const clock = handClock()
  return { store: createMemoryStreamStore(options, clock), pass: async ms => clock.advance(ms), close: async () => {} }
}

async function onRedis(): Promise<Harness> {
  await server.ask('FLUSHALL')
  const { redis, close } = await connectTo(server.port, { scripts: streamScripts })
  const names = streamNames({ tagged: false })
  const effect = names.done('events', 'workers', 'effect')
  return {
    store: createRedisStreamStore(redis, names, options),
    pass: async ms => void (await server.ask('PEXPIRE', effect, String(Number(await server.ask('PTTL', effect)) - ms))),
    close: async () => close(),
  }
}

describe.each([
  ['memory', inMemory],
  ['Redis', onRedis],
])('the right to an effect on %s', (_, open) => {
  /** Two entries of one effect, the first of which has the right to it for ten seconds. */
  async function given() {
    const { store, pass, close } = await open()
    const call = callFor(5_000)
    const [first, second] = (await store.append(
      call,
      ['1', '2'].map(value => ({ key: 'events', value })),
    )) as string[]
    const request = {
      group: 'workers',
      consumer: 'one',
      known: undefined,
      fresh: 2,
      due: 0,
      suspects: 0,
      ordered: false,
    }
    await store.take(call, 'events', request)
    const of = (id: string) => [{ id, effect: 'effect' }]
    const claim = (id: string) => store.claim(call, 'events', 'workers', of(id), 10_000)
    const renew = (id: string) => store.renew(call, 'events', 'workers', of(id), 60_000)
    expect(await claim(first!)).toEqual(['mine'])
    return { store, pass, close, call, first: first!, second: second!, claim, renew }
  }

  test('is renewed while its entry is given out', async () => {
    const { pass, close, first, second, claim, renew } = await given()
    await renew(first)
    await pass(20_000)
    expect(await claim(second)).toEqual(['busy'])
    await pass(60_000)
    await renew(first)
    expect(await claim(second)).toEqual(['busy'])
    await close()
  })

  test('is not taken from another', async () => {
    const { pass, close, first, second, claim, renew } = await given()
    await pass(20_000)
    expect(await claim(second)).toEqual(['mine'])
    await renew(first)
    expect(await claim(second)).toEqual(['mine'])
    await close()
  })

  test('is not renewed when the effect was brought about, or its entry was given up', async () => {
    const done = await given()
    await done.store.done(done.call, 'events', 'workers', [done.first], ['effect'])
    await done.renew(done.first)
    expect(await done.claim(done.second)).toEqual(['done'])
    await done.close()

    const { store, close, call, first, second, claim, renew } = await given()
    const cause = { name: 'Error', message: 'ill' }
    const burial = { id: first, number: 1, value: '1', origin: undefined, effect: 'effect', cause }
    expect(await store.bury(call, 'events', 'workers', burial)).toBe(true)
    await renew(first)
    expect(await claim(second)).toEqual(['mine'])
    await close()
  })
})
