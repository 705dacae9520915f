import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { channel, definePlan, document, json, lock, rateLimit } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('office', {
  offices: lock('office:<name>', { ttl: '5s' }),
  secrets: lock('secret:<token>', { ttl: '5s', hashed: ['token'] }),
  events: channel('events:<topic>', { value: json<number>() }),
  pages: document('page:<id>', { ttl: '1h', value: json<number>() }),
  api: rateLimit('limit:<client>', { limit: 5, window: '1m' }),
})

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

describe.each([
  ['Redis', () => ({ url: server.url })],
  ['memory', () => ({ memory: true as const })],
])('on %s', (_name, options) => {
  test('what carries a fence is written as JSON, with the fence as text', async () => {
    await using redis = await connect(plan, { ...options(), log: false })
    const written: string[] = []
    redis.$on('notice', notice => written.push(JSON.stringify(notice)))
    const office = redis.offices({ name: 'billing' })
    const terms: string[] = []
    await using leadership = office.lead(async term => {
      terms.push(JSON.stringify({ ...JSON.parse(JSON.stringify(term)), signal: undefined }))
      await new Promise<void>(resolve => term.signal.addEventListener('abort', () => resolve()))
    })
    await until(() => terms.length === 1)
    const fence = String(leadership.fence)
    expect(terms).toEqual([JSON.stringify({ fence })])
    expect(JSON.parse(JSON.stringify(leadership))).toMatchObject({ fence })
    expect(JSON.parse(JSON.stringify(await office.inspect()))).toMatchObject({ holder: { fence, pid: process.pid } })
    await office.forceRelease({ reason: 'a test' })
    const mark = redis.offices.mark({ name: 'billing' })
    await until(() => written.length >= 3)
    expect(written.map(text => JSON.parse(text))).toEqual(
      expect.arrayContaining([
        { type: 'elected', namespace: 'offices', mark, fence },
        expect.objectContaining({ type: 'deposed', mark, fence, reason: 'lost' }),
        expect.objectContaining({ type: 'lock-forced', mark, holder: expect.objectContaining({ fence }) }),
      ]),
    )
    await using held = await redis.offices({ name: 'other' }).acquire()
    expect(JSON.parse(JSON.stringify(held))).toMatchObject({ fence: String(held!.fence) })
    await redis.offices({ name: 'third' }).run(run => expect(JSON.stringify(run)).toContain(`"fence":"${run.fence}"`))
  })

  test('what is lost says which of several it was, by a mark that tells nothing of its key', async () => {
    await using redis = await connect(plan, { ...options(), log: false })
    const [one, other] = [{ token: 'cAnary-s3cret' }, { token: 'another' }]
    await using held = await redis.secrets(one).acquire()
    await redis.secrets(one).forceRelease({ reason: 'a test' })
    await until(() => held!.signal.aborted)
    expect(held!.signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      namespace: 'secrets',
      mark: redis.secrets.mark(one),
    })
    expect(redis.secrets.mark(one)).toMatch(/^#[0-9a-f]{8}$/)
    expect(redis.secrets.mark(one)).not.toBe(redis.secrets.mark(other))
  })

  test('the log says what a handler threw', async () => {
    const lines: string[] = []
    await using redis = await connect(plan, { ...options(), log: (_level, line) => lines.push(line) })
    await redis.events({ topic: 'a' }).subscribe(() => {
      throw new RangeError('no room\nleft')
    })
    await using subscription = redis.pages({ id: 1 }).subscribe(async () => {
      throw new TypeError('not mine')
    })
    await redis.events({ topic: 'a' }).publish(1)
    await until(() => ['events:', 'pages:'].every(name => lines.some(line => line.startsWith(name))))
    expect(subscription.health.well).toBe(true)
    expect(lines).toContain('pages: a handler failed: TypeError: not mine')
    expect(lines).toContain('events: a handler failed: RangeError: no room left')
  })
})

test('of several calls that went as one, the one at the wrong key says which it was', async () => {
  await using redis = await connect(plan, { url: server.url, log: false })
  const wrong = { client: 'wrong' }
  await redis.$command('lpush', [redis.api.key(wrong), 'x'])
  const answers = await Promise.allSettled([{ client: 'a' }, wrong].map(params => redis.api(params).consume()))
  const mark = redis.api.mark(wrong)
  expect(answers).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'WRONG_TYPE', namespace: 'api', mark } }])
  await expect(redis.api(wrong).consume({ deadline: '5s' })).rejects.toMatchObject({ code: 'WRONG_TYPE', mark })
})
