import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Board, documentConformance } from '../conformance/document.ts'
import { until } from '../live-server.ts'
import { redisHarness } from './document-redis-harness.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

documentConformance('Redis', () => redisHarness(server.port))

describe('document on a real server', () => {
  let harness: Awaited<ReturnType<typeof redisHarness>>
  const id = 'a'

  beforeEach(async () => {
    harness = await redisHarness(server.port)
  })
  afterEach(() => harness.close())

  test('lies there as plain JSON, with a time to live, and what is known of it beside', async () => {
    const { boards } = await harness.client()
    const version = await boards({ id }).set({ title: 'a' })
    expect(await harness.ask('GET', 'doc:a')).toBe('{"title":"a"}')
    expect(await harness.ask('GET', '{doc:a}:~version')).toMatch(new RegExp(`^${version} [0-9a-f]{40} client-`))
    for (const key of ['doc:a', '{doc:a}:~version']) expect(await harness.ask('PTTL', key)).toBeGreaterThan(3_590_000)
    expect(await harness.ask('DBSIZE')).toBe(2)
  })

  test('each step is one round trip', async () => {
    const { boards } = await harness.client()
    const version = await boards({ id }).set({})
    await boards({ id }).get()
    await boards({ id }).compareAndSet(version, {})
    await boards({ id }).update(() => ({}))
    const info = String(await harness.ask('INFO', 'commandstats'))
    expect(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1]).toBe('5')
  })

  test('what another program writes has a version of its own: it is seen, and not overwritten unseen', async () => {
    const { boards } = await harness.client()
    const version = await boards({ id }).set({ count: 1 })
    await harness.ask('SET', 'doc:a', '{ "count": 2 }')
    expect(await boards({ id }).compareAndSet(version, { count: 3 })).toMatchObject({
      done: false,
      value: { count: 2 },
    })
    const seen = await boards({ id }).read()
    expect(seen).toMatchObject({ value: { count: 2 } })
    expect(seen.version).toBeGreaterThan(version)
    expect(await boards({ id }).read()).toEqual(seen)
    // It had lost its end.
    expect(await harness.ask('PTTL', 'doc:a')).toBeGreaterThan(0)
    expect(await boards({ id }).compareAndSet(seen.version, { count: 3 })).toMatchObject({ done: true })
  })

  test('a document of another program is read, and updated, from the start', async () => {
    const { boards } = await harness.client()
    await harness.ask('SET', 'doc:a', '{"count":41}')
    await boards({ id }).update(board => ({ count: (board?.count ?? 0) + 1 }))
    expect(await harness.ask('GET', 'doc:a')).toBe('{"count":42}')
  })

  test('versions grow on when what is known is lost', async () => {
    const { boards } = await harness.client()
    const versions = [await boards({ id }).set({ count: 1 })]
    await harness.ask('DEL', '{doc:a}:~version')
    versions.push((await boards({ id }).read()).version)
    await harness.ask('FLUSHALL')
    versions.push(await boards({ id }).set({ count: 2 }))
    expect(versions).toEqual([...versions].sort((a, b) => a - b))
    expect(new Set(versions).size).toBe(3)
  })

  test('a subscriber hears of another program’s write within its poll', async () => {
    const { boards } = await harness.client({ poll: '50ms' })
    const told: (Board | undefined)[] = []
    await using _ = boards({ id }).subscribe(({ value }) => void told.push(value))
    await until(() => told.length === 1)
    await harness.ask('SET', 'doc:a', '{"count":2}')
    await until(() => told.length === 2)
    expect(told[1]).toEqual({ count: 2 })
  })

  test('a subscriber whose link is killed is told of the gap, and then how the document is', async () => {
    const [one, two] = await Promise.all([harness.client(), harness.client({ poll: '1h' })])
    const told: (number | undefined)[] = []
    let gaps = 0
    const subscription = two
      .boards({ id })
      .subscribe(({ value }) => void told.push(value?.count), { onGap: () => void gaps++ })
    const listeners = async () => ((await harness.ask('PUBSUB', 'NUMSUB', '{doc:a}:~changes')) as [string, number])[1]
    for (let round = 1; round <= 5; round++) {
      await until(async () => (await listeners()) === 1)
      await harness.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await one.boards({ id }).set({ count: round })
      await until(() => told.at(-1) === round)
      await until(() => gaps === round)
    }
    expect(subscription.health.gaps).toBe(5)
    await subscription.close()
  })

  test('a user who may not use channels writes all the same, and the poll tells', async () => {
    await harness.ask('ACL', 'SETUSER', 'default', 'resetchannels')
    try {
      const { boards } = await harness.client({ poll: '50ms' })
      const told: (number | undefined)[] = []
      await using _ = boards({ id }).subscribe(({ value }) => void told.push(value?.count))
      await until(() => told.length === 1)
      await boards({ id }).set({ count: 1 })
      await until(() => told.at(-1) === 1)
    } finally {
      await harness.ask('ACL', 'SETUSER', 'default', 'allchannels')
    }
  })

  test('at maxmemory a write says what is wrong and changes nothing, and what is there can be read and deleted', async () => {
    const { boards } = await harness.client()
    const version = await boards({ id }).set({ count: 1 })
    await harness.ask('CONFIG', 'SET', 'maxmemory', '1')
    try {
      const write = boards({ id }).set({ count: 2 }, { deadline: '200ms' })
      await expect(write).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', outcome: 'not-executed' })
      expect(await boards({ id }).read()).toEqual({ value: { count: 1 }, version })
      expect(await boards({ id }).delete()).toBe(true)
    } finally {
      await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  test('a write that is sent again is recognised, and is unknown when others have written since', async () => {
    const { store, call } = harness
    const lost = { ...call(), written: 1 }
    const { boards } = await harness.client()
    const expected = await boards({ id }).set({ count: 0 })
    const write = { id: 'one', value: '{"count":1}', expected, unanswered: new Set([lost]) }
    const first = await store.write(call(), 'doc:a', write)
    expect(first).toMatchObject({ done: true })
    expect(await store.write(call(), 'doc:a', write)).toEqual(first)
    const other = { id: 'two', value: '{"count":2}', expected: first.version, unanswered: new Set<never>() }
    expect(await store.write(call(), 'doc:a', other)).toMatchObject({ done: true })
    await expect(store.write(call(), 'doc:a', write)).rejects.toMatchObject({
      code: 'DOCUMENT_CONFLICT',
      outcome: 'unknown',
    })
    const unwritten = { ...write, unanswered: new Set([{ ...lost, written: 0 }]) }
    expect(await store.write(call(), 'doc:a', unwritten)).toMatchObject({ done: false, value: '{"count":2}' })
  })

  test('what cannot be read as declared is an error, and can be replaced', async () => {
    const { boards } = await harness.client()
    await harness.ask('SET', 'doc:a', 'no json')
    await expect(boards({ id }).get()).rejects.toMatchObject({ code: 'DECODE_FAILED' })
    await boards({ id }).set({ count: 1 })
    expect(await boards({ id }).get()).toEqual({ count: 1 })
    await harness.ask('DEL', 'doc:a')
    await harness.ask('LPUSH', 'doc:a', 'x')
    await expect(boards({ id }).get()).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  })
})
