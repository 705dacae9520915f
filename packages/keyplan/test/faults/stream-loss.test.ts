import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Notice } from '../../src/kinds/kind.ts'
import { streamNames } from '../../src/kinds/stream/names.ts'
import { hastyStreamPlan, type StreamClient } from '../conformance/stream.ts'
import { type RedisStreamHarness, redisHarness } from '../kinds/stream-redis-harness.ts'
import { until } from '../live-server.ts'

/** What others do to a stream, by hand or by mistake: nothing of it goes by in silence. */
describe('a stream that others lay hands on', () => {
  let server: RedisProcess
  let harness: RedisStreamHarness
  let redis: StreamClient
  let gaps: Extract<Notice, { type: 'gap' }>[]

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.cleanUp())
  beforeEach(async () => {
    harness = await redisHarness(server.port, hastyStreamPlan)
    redis = await harness.client()
    gaps = []
    redis.$on('notice', notice => void (notice.type === 'gap' && gaps.push(notice)))
  })
  afterEach(() => harness.close())

  const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => ({ n: from + index }))
  /** A consumer of another program, which takes and never finishes. */
  const takeByHand = (count: number) =>
    harness.ask('XREADGROUP', 'GROUP', 'workers', 'stranger', 'COUNT', String(count), 'STREAMS', 'events', '>')

  test('F49: a group that is destroyed is made again where it was, and nothing is skipped or said twice', async () => {
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await redis.events.appendMany(numbers(10))
    await until(() => seen.length === 10)
    await until(async () => (await redis.events.inspect('workers')).pending === 0)
    await harness.ask('XGROUP', 'DESTROY', 'events', 'workers')
    await redis.events.appendMany(numbers(10, 10))
    await until(() => seen.length === 20)
    expect(seen).toEqual(numbers(20).map(({ n }) => n))
    expect(gaps).toMatchObject([{ reason: 'group-lost', group: 'workers', source: 'worker of workers' }])
    expect(worker.health.gaps).toBe(1)
  })

  test('F49: what is being handled when the group is destroyed is finished, and what was not begun is not lost', async () => {
    const seen: number[] = []
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const worker = redis.events.work(
      'workers',
      async ({ value: { n } }) => {
        await held
        seen.push(n)
      },
      { concurrency: 2, prefetch: 3 },
    )
    await redis.events.appendMany(numbers(20))
    await until(() => worker.figures.held === 5)
    await harness.ask('XGROUP', 'DESTROY', 'events', 'workers')
    release()
    await until(() => worker.figures.handled >= 20)
    expect(seen.sort((left, right) => left - right)).toEqual(numbers(20).map(({ n }) => n))
  })

  test('F49: a stream that is deleted is read anew from its first entry, with a word of what is gone', async () => {
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await redis.events.appendMany(numbers(5))
    await until(() => seen.length === 5)
    await until(() => worker.figures.held === 0)
    worker.pause()
    await until(() => worker.health.state === 'paused')
    await harness.ask('DEL', 'events')
    await redis.events.appendMany(numbers(3, 100))
    worker.resume()
    await until(() => seen.length === 8)
    expect(seen.slice(5)).toEqual([100, 101, 102])
    expect(gaps).toMatchObject([{ reason: 'stream-lost', missed: 0 }])
  })

  test('F49: a group that was flushed with all that is known of it misses nothing, wherever it is declared to begin', async () => {
    const seen: number[] = []
    const worker = redis.events.work('late', ({ value: { n } }) => void seen.push(n))
    await until(async () => (await redis.events.inspect('late')).consumers === 1)
    await redis.events.append({ n: 0 })
    await until(() => seen.length === 1 && worker.figures.held === 0)
    worker.pause()
    await until(() => worker.health.state === 'paused')
    await harness.ask('FLUSHALL')
    await redis.events.appendMany(numbers(3, 1))
    worker.resume()
    await until(() => worker.figures.handled === 4)
    expect(seen).toEqual([0, 1, 2, 3])
    expect(gaps).toMatchObject([{ reason: 'stream-lost', group: 'late', from: '0' }])
  })

  test('F49: a group that is destroyed with all that is noted of it goes on behind what its worker knows', async () => {
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await redis.events.appendMany(numbers(3))
    await until(() => seen.length === 3 && worker.figures.held === 0)
    worker.pause()
    await until(() => worker.health.state === 'paused')
    await harness.ask('XGROUP', 'DESTROY', 'events', 'workers')
    await harness.ask('DEL', '{events}:~state:workers')
    await redis.events.append({ n: 3 })
    worker.resume()
    await until(() => worker.figures.handled === 4)
    expect(seen).toEqual([0, 1, 2, 3])
    expect(gaps).toMatchObject([{ reason: 'group-lost', group: 'workers' }])
  })

  test('F49: a group that is destroyed again and again is made no more than once a second', async () => {
    const worker = redis.events.work('workers', () => {})
    await until(async () => (await redis.events.inspect('workers')).consumers === 1)
    await harness.ask('CONFIG', 'RESETSTAT')
    const end = Date.now() + 2_500
    while (Date.now() < end) {
      await harness.ask('XGROUP', 'DESTROY', 'events', 'workers')
      await sleep(5)
    }
    const [, calls] = /cmdstat_xgroup\|create:calls=(\d+)/.exec(String(await harness.ask('INFO', 'commandstats'))) ?? []
    expect(Number(calls)).toBeLessThanOrEqual(4)
    expect(worker.health.gaps).toBeLessThanOrEqual(4)
  })

  test('F50: entries that are trimmed while they are pending are told by their ids and no handler sees them', async () => {
    await harness.ask('XGROUP', 'CREATE', 'events', 'workers', '0', 'MKSTREAM')
    const ids = await redis.events.appendMany(numbers(3))
    await takeByHand(3)
    await harness.ask('XTRIM', 'events', 'MAXLEN', '0')
    const seen: unknown[] = []
    const worker = redis.events.work('workers', ({ value }) => void seen.push(value))
    await until(() => worker.figures.lost === 3)
    expect(gaps.flatMap(({ reason, ids: told }) => [reason, ...(told ?? [])]).sort()).toEqual(
      expect.arrayContaining([...ids, 'trimmed'].sort()),
    )
    const letters = await redis.events.deadLetters('workers').list()
    expect(letters.map(({ entry }) => entry).sort()).toEqual([...ids].sort())
    expect(letters.every(({ value, cause }) => value === undefined && cause.name === 'Lost')).toBe(true)
    expect(await harness.ask('XPENDING', 'events', 'workers')).toEqual([0, null, null, null])
    expect(seen).toEqual([])
  })

  test('F51: entries that are deleted while they are pending are counted, each once', async () => {
    await harness.ask('XGROUP', 'CREATE', 'events', 'workers', '0', 'MKSTREAM')
    const ids = await redis.events.appendMany(numbers(5))
    await takeByHand(5)
    await harness.ask('XDEL', 'events', ids[1]!, ids[3]!)
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await until(() => worker.figures.lost === 2 && seen.length === 3)
    expect(seen.sort()).toEqual([0, 2, 4])
    expect(gaps.filter(({ reason }) => reason === 'deleted').flatMap(({ ids: told }) => told)).toEqual(
      expect.arrayContaining([ids[1], ids[3]]),
    )
    expect(worker.figures.lost).toBe(2)
  })

  test('entries that are deleted before anybody was given them are told by their number', async () => {
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await redis.events.append({ n: 0 })
    await until(() => seen.length === 1)
    worker.pause()
    await until(() => worker.health.state === 'paused')
    const ids = await redis.events.appendMany(numbers(6, 1))
    await harness.ask('XDEL', 'events', ids[1]!, ids[2]!)
    worker.resume()
    await until(() => seen.length === 5 && worker.figures.missed === 2)
    expect(gaps).toMatchObject([{ reason: 'missed', count: 2 }])
  })

  test('F57: entries of a consumer that is deleted with them are handled all the same', async () => {
    const seen: number[] = []
    const worker = redis.events.work(
      'workers',
      async ({ value: { n } }) => {
        await sleep(20)
        seen.push(n)
      },
      { concurrency: 2, prefetch: 20 },
    )
    await redis.events.appendMany(numbers(20))
    await until(() => worker.figures.held > 10)
    await harness.ask('XGROUP', 'DELCONSUMER', 'events', 'workers', worker.consumer)
    await until(() => worker.figures.handled === 20)
    await until(() => worker.figures.held === 0)
    expect(seen.sort((left, right) => left - right)).toEqual(numbers(20).map(({ n }) => n))
  })

  test('F57: a consumer that is gone goes from the list, after what it had pending', async () => {
    await harness.ask('XGROUP', 'CREATE', 'events', 'workers', '0', 'MKSTREAM')
    await redis.events.appendMany(numbers(3))
    await takeByHand(3)
    for (let pod = 0; pod < 100; pod++) await harness.ask('XGROUP', 'CREATECONSUMER', 'events', 'workers', `pod${pod}`)
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await until(() => seen.length === 3)
    await until(async () => (await redis.events.inspect('workers')).consumers === 1)
    const [[, name]] = (await harness.ask('XINFO', 'CONSUMERS', 'events', 'workers')) as [[string, string]]
    expect(name).toBe(worker.consumer)
  })

  test('F57: what is in hand stays where unread entries are kept, also when its consumer is deleted', async () => {
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const worker = redis.kept.work('workers', ({ value: { n } }) => (n === -1 ? held : undefined))
    const id = await redis.kept.append({ n: -1 })
    await until(() => worker.figures.active === 1)
    await harness.ask('XGROUP', 'DELCONSUMER', 'kept', 'workers', worker.consumer)
    for (let round = 0; round < 10; round++) await redis.kept.appendMany(numbers(100))
    await until(() => worker.figures.handled === 1_000 && worker.figures.held === 1)
    await redis.kept.append({ n: 0 })
    expect(await harness.ask('XRANGE', 'kept', id, id)).toHaveLength(1)
    release()
    await until(() => worker.figures.handled === 1_002 && worker.figures.held === 0)
    await redis.kept.append({ n: 0 })
    expect(await harness.ask('XRANGE', 'kept', id, id)).toHaveLength(0)
  })

  test('F49: where unread entries are kept they are also kept while the group is destroyed', async () => {
    const worker = redis.kept.work('workers', () => {})
    await redis.kept.append({ n: 0 })
    await until(() => worker.figures.handled === 1 && worker.figures.held === 0)
    worker.pause()
    await until(() => worker.health.state === 'paused')
    await harness.ask('XGROUP', 'DESTROY', 'kept', 'workers')
    for (let round = 0; round < 10; round++) await redis.kept.appendMany(numbers(100))
    worker.resume()
    await until(() => worker.figures.handled === 1_001)
    expect(worker.figures.missed).toBe(0)
  })

  test('F55: while a dead letter is refused its entry is kept, and it is written when it may be', async () => {
    const dead = '{events}:~dead:workers'
    await harness.ask('SET', dead, 'no stream')
    const refused: Notice[] = []
    redis.$on('notice', notice => void (notice.type === 'dead-letter-refused' && refused.push(notice)))
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => {
      if (n === 1) throw new Error('ill')
      seen.push(n)
    })
    const [, id = ''] = await redis.events.appendMany(numbers(3))
    await until(() => refused.length > 0 && seen.length === 2)
    expect(refused[0]).toMatchObject({ error: { code: 'WRONG_TYPE' }, namespace: 'events' })
    await until(() => worker.figures.held === 0)
    expect(await harness.ask('XPENDING', 'events', 'workers')).toMatchObject([1, id, id, [[worker.consumer, '1']]])
    await harness.ask('DEL', dead)
    // It asks again after half a minute: here it is told that this is over.
    await harness.ask('ZADD', '{events}:~open:workers', '1', id)
    await until(async () => (await redis.events.inspect('workers')).deadLetters === 1)
    const [letter] = await redis.events.deadLetters('workers').list()
    expect(letter).toMatchObject({ entry: id, deliveries: 4, cause: { message: 'ill' } })
    expect(await harness.ask('XPENDING', 'events', 'workers')).toEqual([0, null, null, null])
  })

  test('F55: who may not write dead letters gets nothing to handle, and says why', async () => {
    await harness.ask('ACL', 'SETUSER', 'default', 'resetkeys', '~events', '~{events}:~open*')
    try {
      const worker = redis.events.work('workers', () => {})
      await redis.events.append({ n: 1 })
      await until(() => !worker.health.well)
      expect(worker.health).toMatchObject({ state: 'waiting', error: { code: 'NO_PERMISSION' } })
      await harness.ask('ACL', 'SETUSER', 'default', 'allkeys')
      await until(() => worker.figures.handled === 1)
    } finally {
      await harness.ask('ACL', 'SETUSER', 'default', 'allkeys')
    }
  })

  test('F58: a lag that the server does not know is said to be unknown', async () => {
    const ids = await redis.events.appendMany(numbers(5))
    await harness.ask('XGROUP', 'CREATE', 'events', 'workers', ids[2]!)
    expect(await redis.events.inspect('workers')).toMatchObject({ lag: undefined, length: 5 })
    redis.events.work('workers', () => {})
    await until(async () => (await redis.events.inspect('workers')).lag === 0)
  })

  test('F56: an entry that another program claims is handled once', async () => {
    let handled = 0
    const worker = redis.once.work('workers', async () => {
      await sleep(50)
      handled++
    })
    const id = await redis.once.append({ n: 1, of: 'effect' })
    await until(() => worker.figures.active === 1)
    await harness.ask('XCLAIM', 'once', 'workers', 'stranger', '0', id)
    await until(() => worker.figures.handled === 1 && worker.figures.held === 0)
    await redis.once.append({ n: 2, of: 'effect' })
    await until(() => worker.figures.skipped === 1)
    expect(handled).toBe(1)
  })

  test('an effect is its entry’s for as long as that is in hand', async () => {
    const effect = streamNames({ tagged: false }).done('once', 'workers', 'effect')
    const worker = redis.once.work('workers', () => new Promise(() => {}))
    const id = await redis.once.append({ n: 1, of: 'effect' })
    await until(() => worker.figures.active === 1)
    await harness.ask('PEXPIRE', effect, '60000')
    await until(async () => Number(await harness.ask('PTTL', effect)) > 60_000)
    await harness.ask('DEL', effect)
    await until(async () => (await harness.ask('GET', effect)) === id)
    await worker.close('1ms')
  })

  test('an entry that something else wrote is a dead letter at once, and holds up nobody', async () => {
    const seen: number[] = []
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await harness.ask('XADD', 'events', '*', 'value', 'no json')
    await harness.ask('XADD', 'events', '*', 'other', 'field')
    await redis.events.append({ n: 1 })
    await until(() => seen.length === 1 && worker.figures.buried === 2)
    await until(async () => (await redis.events.inspect('workers')).deadLetters === 2)
    const letters = await redis.events.deadLetters('workers').list()
    expect(letters.map(({ deliveries }) => deliveries)).toEqual([1, 1])
    expect(letters.map(({ cause }) => cause.name)).toContain('Unreadable')
  })

  test('a key of another type is told, and the worker recovers', async () => {
    await harness.ask('SET', 'events', 'text')
    const worker = redis.events.work('workers', () => {})
    await until(() => worker.health.failures > 1)
    expect(worker.health).toMatchObject({ state: 'waiting', well: false, error: { code: 'WRONG_TYPE' } })
    await harness.ask('DEL', 'events')
    await until(() => worker.health.well)
  })

  test('our own account of what is open may be lost: the server’s is taken up', async () => {
    const others = await harness.client()
    const stuck = others.events.work('workers', () => new Promise(() => {}), { concurrency: 3, prefetch: 0 })
    await redis.events.appendMany(numbers(3))
    await until(() => stuck.figures.active === 3)
    await harness.ask('DEL', '{events}:~open:workers')
    await others.$close()
    const seen: number[] = []
    redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
    await until(() => seen.length === 3)
  })
})
