import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { onceConformance } from '../conformance/once.ts'
import { until } from '../live-server.ts'
import { type RedisOnceHarness, redisHarness } from './once-redis-harness.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

onceConformance('Redis', () => redisHarness(server.port))

describe('once on a real server', () => {
  let harness: RedisOnceHarness
  const id = 'a'

  beforeEach(async () => {
    harness = await redisHarness(server.port)
  })
  afterEach(() => harness.close())

  const scriptCalls = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(await harness.ask('INFO', 'commandstats')))?.[1] ?? 0)

  test('a duplicate costs one round trip, the first caller two', async () => {
    const { payments } = await harness.client()
    await payments({ id }).run(() => ({ id: 1 }))
    expect(await scriptCalls()).toBe(2)
    await payments({ id }).run(() => expect.unreachable())
    expect(await scriptCalls()).toBe(3)
    expect(await harness.ask('KEYS', '*')).toEqual(['pay:a'])
    expect(await harness.ask('HGET', 'pay:a', 'value')).toBe('{"id":1}')
  })

  test('a mark has a time to live from the first step on', async () => {
    const { payments } = await harness.client({ ttl: '1h' })
    await payments({ id }).run(async () => {
      expect(await harness.ask('PTTL', 'pay:a')).toBeGreaterThan(3_590_000)
      return { id: 1 }
    })
    expect(await harness.ask('PTTL', 'pay:a')).toBeGreaterThan(3_590_000)
  })

  test('the commands of a commit are carried out with the mark, in one step', async () => {
    const { payments } = await harness.client()
    const commands = [
      ['incrby', 'balance', 5],
      ['rpush', 'log', 'paid', Buffer.from('bytes')],
    ] as const
    expect(await payments({ id }).run(({ commit }) => commit(commands, { id: 1 }))).toEqual({ id: 1 })
    expect(await payments({ id }).run(({ commit }) => commit(commands, { id: 2 }))).toEqual({ id: 1 })
    expect(await harness.ask('GET', 'balance')).toBe('5')
    expect(await harness.ask('LRANGE', 'log', '0', '-1')).toEqual(['paid', 'bytes'])
    expect(await scriptCalls()).toBe(3)
  })

  test('nothing is committed by who has lost the operation', async () => {
    const { payments } = await harness.client()
    const run = payments({ id }).run(async ({ commit }) => {
      await harness.ask('DEL', 'pay:a')
      return commit([['incr', 'balance']], { id: 1 })
    })
    await expect(run).rejects.toMatchObject({ code: 'ONCE_LOST', outcome: 'not-executed' })
    expect(await harness.ask('GET', 'balance')).toBe(null)
  })

  test('a commit whose first command is refused does nothing, and the operation may run again', async () => {
    const { payments } = await harness.client()
    await harness.ask('SET', 'text', 'x')
    const run = payments({ id }).run(({ commit }) =>
      commit(
        [
          ['incr', 'text'],
          ['incr', 'balance'],
        ],
        { id: 1 },
      ),
    )
    await expect(run).rejects.toMatchObject({ code: 'SERVER', outcome: 'not-executed' })
    expect(await harness.ask('GET', 'balance')).toBe(null)
    expect(await payments({ id }).inspect()).toEqual({ state: 'none' })
  })

  test('a commit that is refused halfway stands so far, is told as unknown, and never runs again', async () => {
    const { payments } = await harness.client()
    await harness.ask('SET', 'text', 'x')
    const commands = [
      ['incr', 'balance'],
      ['incr', 'text'],
      ['incr', 'behind'],
    ] as const
    const run = payments({ id }).run(({ commit }) => commit(commands, { id: 1 }))
    await expect(run).rejects.toMatchObject({ code: 'SERVER', outcome: 'unknown' })
    expect(await harness.ask('MGET', 'balance', 'behind')).toEqual(['1', null])
    expect((await payments({ id }).tryRun(() => expect.unreachable())).state).toBe('failed')
  })

  test('what cannot be committed is refused by name', async () => {
    const { payments } = await harness.client()
    const nonsense: [commands: unknown, message: string][] = [
      [undefined, 'commit() was given undefined; give it a list of commands'],
      [['incr', 'x'], 'commit() was given an array; give it a list of commands'],
      [[[]], 'commit() was given undefined for a command'],
      [[['incr', {}]], 'incr was given an object; give strings'],
      [[['incr', undefined]], 'incr was given undefined; give strings'],
      [[['del', ...Array.from({ length: 1_000 }, () => 'x')]], 'commit() was given 1001 words; give it 1000 at most'],
    ]
    for (const [commands, message] of nonsense) {
      const run = payments({ id }).run(({ commit }) => commit(commands as never, { id: 1 }))
      await expect(run).rejects.toMatchObject({ code: 'PARAM_INVALID', message: expect.stringContaining(message) })
    }
  })

  test.each(['select', 'SWAPDB', 'multi', 'watch', 'client', 'script', 'readonly'])(
    'a commit with %s is refused before anything is done',
    async name => {
      const { payments } = await harness.client()
      const run = payments({ id }).run(({ commit }) =>
        commit(
          [
            ['incr', 'balance'],
            [name, '1'],
          ],
          { id: 1 },
        ),
      )
      await expect(run).rejects.toMatchObject({ code: 'PARAM_INVALID', message: expect.stringContaining(name) })
      expect(await harness.ask('GET', 'balance')).toBe(null)
      expect(await payments({ id }).inspect()).toEqual({ state: 'none' })
    },
  )

  test('a commit of as many words as it may have', async () => {
    const { payments } = await harness.client()
    const names = Array.from({ length: 998 }, (_, index) => `n${index}`)
    await payments({ id }).run(({ commit }) => commit([['sadd', 'names', ...names]], { id: 1 }))
    expect(await harness.ask('SCARD', 'names')).toBe(998)
  })

  test('at maxmemory what runs can be renewed and settled, a commit does nothing, and a claim says what is wrong', async () => {
    const { payments } = await harness.client({ lease: '20s', ttl: '1m' })
    const { store } = harness
    const terms = { leaseMs: 60_000, ttlMs: 90_000, takeOver: true, print: undefined }
    const own = createClaim('one')
    await store.claim(harness.call(), 'pay:own', own, { ...terms, leaseMs: 1_000 })
    try {
      await payments({ id }).run(async () => {
        await harness.ask('CONFIG', 'SET', 'maxmemory', '1')
        return { id: 1 }
      })
      expect(await store.renew(harness.call(), 'pay:own', own, terms)).toBe(true)
      const view = await store.inspect(harness.call(), 'pay:own')
      expect(view.state === 'running' && view.leaseMs).toBeGreaterThan(1_000)
      expect(await store.withdraw(harness.call(), 'pay:own', own)).toBe(0)
      const claim = payments({ id: 'b' }).run(() => expect.unreachable(), { deadline: '200ms' })
      await expect(claim).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', outcome: 'not-executed' })
      await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
      const commit = payments({ id: 'c' }).run(async run => {
        await harness.ask('CONFIG', 'SET', 'maxmemory', '1')
        return run.commit([['incr', 'balance']], { id: 1 })
      })
      await expect(commit).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', outcome: 'not-executed' })
      expect(await harness.ask('GET', 'balance')).toBe(null)
      expect(await store.inspect(harness.call(), 'pay:c')).toEqual({ state: 'none' })
      expect(await payments({ id }).run(() => expect.unreachable())).toEqual({ id: 1 })
    } finally {
      await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  test('the server that loses everything lets it run again, with the same token', async () => {
    const { payments } = await harness.client()
    const tokens: string[] = []
    const work = ({ token }: { token: string }) => ({ id: tokens.push(token) })
    await payments({ id }).run(work)
    await harness.ask('FLUSHALL')
    await payments({ id }).run(work)
    expect(tokens[0]).toBe(tokens[1])
  })

  test('an operation that was evicted under its runner is lost to it', async () => {
    const { payments } = await harness.client()
    const run = payments({ id }).run(async ({ signal }) => {
      await harness.ask('DEL', 'pay:a')
      await until(() => signal.aborted)
      signal.throwIfAborted()
      return { id: 1 }
    })
    await expect(run).rejects.toMatchObject({ code: 'ONCE_LOST', message: expect.stringContaining('evicted') })
  })

  test('a user who may not use channels settles all the same, and the poll brings the result', async () => {
    const [one, two] = await Promise.all([harness.client(), harness.client()])
    await harness.ask('ACL', 'SETUSER', 'default', 'resetchannels')
    try {
      const answers = await Promise.all(
        [one, two].map(({ payments }) =>
          payments({ id }).run(
            async () => {
              await harness.advance(50)
              return { id: 1 }
            },
            { wait: '20s' },
          ),
        ),
      )
      expect(answers).toEqual([{ id: 1 }, { id: 1 }])
    } finally {
      await harness.ask('ACL', 'SETUSER', 'default', 'allchannels')
    }
  })

  test('a key of another type is named as such', async () => {
    const { payments } = await harness.client()
    await harness.ask('SET', 'pay:a', 'x')
    await expect(payments({ id }).run(() => expect.unreachable())).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  })

  test('a result that is stored in another form is refused, and runs nothing', async () => {
    const { payments } = await harness.client()
    await payments({ id }).run(() => ({ id: 1 }))
    await harness.ask('HSET', 'pay:a', 'value', '{')
    await expect(payments({ id }).run(() => expect.unreachable())).rejects.toMatchObject({ code: 'DECODE_FAILED' })
  })
})
