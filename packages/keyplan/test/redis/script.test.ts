import { connectResp, type RedisProcess, type RespConnection, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { script, scriptArguments } from '../../src/redis/script.ts'
import { callFor, connectTo, until } from '../live-server.ts'

let server: RedisProcess
let direct: RespConnection

beforeAll(async () => {
  server = await startRedis()
  direct = await connectResp({ port: server.port })
})
afterAll(async () => {
  direct.close()
  await server.cleanUp()
})
beforeEach(async () => {
  await direct.ask('FLUSHALL')
  await direct.ask('SCRIPT', 'FLUSH')
})

const add = script({
  name: 'add',
  keys: ['total', 'log'],
  args: ['by', 'note'],
  reply: Number,
  lua: `redis.call('RPUSH', log, note) return redis.call('INCRBY', total, by)`,
})
const gather = script({
  name: 'gather',
  keys: ['first', '...rest'],
  args: ['prefix', '...values'],
  reply: reply => reply,
  lua: 'return { first, #rest, rest[2] or false, prefix, #values, values[1] or false }',
})
const listOnly = script({
  name: 'list',
  keys: ['...all'],
  args: ['...values'],
  reply: reply => reply,
  lua: 'return { #all, all[1], #values, values[2] }',
})

test('keys and arguments are packed by name, whatever the order they are given in', () => {
  expect(scriptArguments(add, { log: 'l', total: 't' }, { note: 'n', by: 3 })).toEqual([add.sha, 2, 't', 'l', 3, 'n'])
  const list = scriptArguments(gather, { rest: ['b', 'c'], first: 'a' }, { prefix: 'p', values: [] })
  expect(list).toEqual([gather.sha, 3, 'a', 'b', 'c', 'p'])
})

test('the server knows the names, and lists take the rest', async () => {
  await using live = await connectTo(server.port, { scripts: [add, gather, listOnly] })
  const { redis } = live
  expect(await redis.evaluate(add, { total: 't', log: 'l' }, { by: 3, note: 'n' }, callFor())).toBe(3)
  expect(
    await redis.evaluate(
      gather,
      { first: 'a', rest: ['b', 'c'] },
      { prefix: 'p', values: [Buffer.from([0, 255]), 'x'] },
      callFor(),
      'bytes',
    ),
  ).toEqual([Buffer.from('a'), 2, Buffer.from('c'), Buffer.from('p'), 2, Buffer.from([0, 255])])
  const empty = { prefix: 'p', values: [] }
  expect(await redis.evaluate(gather, { first: 'a', rest: [] }, empty, callFor())).toEqual(['a', 0, null, 'p', 0, null])
  expect(await redis.evaluate(listOnly, { all: ['k'] }, { values: ['x', 'y'] }, callFor())).toEqual([1, 'k', 2, 'y'])
})

test('scripts are loaded before the link counts as ready, and again on the next one', async () => {
  await using live = await connectTo(server.port, { scripts: [add, gather] })
  const loaded = () => direct.ask('SCRIPT', 'EXISTS', add.sha, gather.sha)
  expect(await loaded()).toEqual([1, 1])
  await server.kill()
  await server.restart()
  direct.close()
  direct = await connectResp({ port: server.port })
  await until(() => live.connection.state === 'ready' && live.events.length > 2)
  expect(await loaded()).toEqual([1, 1])
  expect(await direct.ask('INFO', 'commandstats')).not.toMatch(/cmdstat_eval/)
})

test('after SCRIPT FLUSH, also under load, each call is executed exactly once', async () => {
  await using live = await connectTo(server.port, { scripts: [add] })
  const calls: Promise<number>[] = []
  for (let round = 0; round < 20; round++) {
    for (let index = 0; index < 50; index++) {
      calls.push(live.redis.evaluate(add, { total: 't', log: 'l' }, { by: 1, note: 'x' }, callFor()))
    }
    await direct.ask('SCRIPT', 'FLUSH', 'ASYNC')
  }
  await Promise.all(calls)
  expect(await direct.ask('GET', 't')).toBe('1000')
  expect(await direct.ask('LLEN', 'l')).toBe(1000)
})

test('what a script refuses is an error with its code', async () => {
  const wrong = script({ name: 'wrong', keys: ['key'], args: [], reply: String, lua: `return redis.call('GET', key)` })
  await using live = await connectTo(server.port, { scripts: [wrong] })
  await direct.ask('RPUSH', 'k', 'x')
  await expect(live.redis.evaluate(wrong, { key: 'k' }, {}, callFor())).rejects.toMatchObject({
    code: 'WRONG_TYPE',
    outcome: 'not-executed',
  })
})

test('scan finds every matching key, page by page', async () => {
  await using live = await connectTo(server.port)
  for (let index = 0; index < 1_200; index++) await live.redis.send('set', [`page:${index}`, ''], callFor())
  await direct.ask('SET', 'other', '')
  const found = new Set<string>()
  let pages = 0
  let cursor = '0'
  do {
    const page = await live.redis.scan('page:*', cursor, callFor())
    cursor = page.cursor
    pages++
    for (const key of page.keys) found.add(key)
  } while (cursor !== '0')
  expect(found.size).toBe(1_200)
  expect(pages).toBeGreaterThan(1)
})
