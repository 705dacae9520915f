import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, startInstance } from './support/instance.ts'
import { type System, startSystem } from './support/system.ts'
import { until } from './support/until.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system?.stop())

const promisedMs = 2_000

const health = (index: 0 | 1) => ask(system.instances[index], 'GET', '/health/redis')
const both = [0, 1] as const

const turns = (status: string) =>
  Promise.all(
    both.map(index =>
      until(
        () => health(index),
        ({ body }) => body.status === status,
        promisedMs,
      ),
    ),
  )

/** ECONNREFUSED, unless the attempt comes while the server is still dying. */
const isFailure = (line: string) => /^\[RedisService\] Failed to connect to Redis: \S+/.test(line)

const profile = (index: 0 | 1, user: string) => ask(system.instances[index], 'GET', `/users/${user}/profile`)
const change = (index: 0 | 1, user: string, displayName: string) =>
  ask(system.instances[index], 'PUT', `/users/${user}/profile`, { body: { displayName } })

describe('/health/redis', () => {
  it('has the shape of the document, and the figures as numbers beside it', async () => {
    const { status, body } = await health(0)
    expect(status).toBe(200)
    expect(body).toMatchObject({ enabled: true, status: 'up', mode: 'redis' })
    expect(body.info).toEqual({
      total_commands_processed: expect.stringMatching(/^\d+$/),
      instantaneous_ops_per_sec: expect.stringMatching(/^\d+$/),
      used_memory_human: expect.stringMatching(/^[\d.]+[KMG]$/),
      connected_clients: expect.stringMatching(/^\d+$/),
    })
    const { info, figures } = body as { info: Record<string, string>; figures: Record<string, number> }
    expect(figures.connected_clients).toBe(Number(info.connected_clients))
    expect(figures.used_memory).toBeGreaterThan(0)
  })

  it('turns red when Redis is killed and green when it is back, on both instances', async () => {
    await system.redis.kill()
    for (const { status, body } of await turns('down')) {
      expect(status).toBe(503)
      expect(body).toMatchObject({ enabled: true, info: {}, reason: expect.any(String) })
    }
    const lively = await ask(system.instances[0], 'GET', '/health')
    expect(lively).toMatchObject({ status: 200, body: { status: 'degraded', database: 'up', redis: 'down' } })
    await Promise.all(
      system.instances.map(({ lines }) => until(async () => lines.some(isFailure), Boolean, promisedMs)),
    )
    await system.redis.restart()
    for (const { status } of await turns('up')) expect(status).toBe(200)
  })

  it('answers while Redis hangs, and is red', async () => {
    await system.redis.pause()
    try {
      const { status, body } = await health(0)
      expect({ status, body }).toMatchObject({ status: 503, body: { status: 'down' } })
    } finally {
      system.redis.resume()
    }
    await turns('up')
  })

  it('is told of in the words of the document', async () => {
    for (const { lines } of system.instances) {
      expect(lines).toContain('[RedisService] Redis connected successfully')
      expect(lines.filter(isFailure)).not.toEqual([])
    }
  })
})

/** The names that are served until, and with, the first one that comes from the cache. */
async function cachedAgain(index: 0 | 1, user: string): Promise<unknown[]> {
  const seen = new Set<unknown>()
  await until(
    () => profile(index, user),
    ({ status, body, headers }) => {
      expect(status).toBe(200)
      seen.add(body.displayName)
      return headers.get('x-cache') === 'hit'
    },
  )
  return [...seen]
}

describe('a profile that is changed while Redis is away', () => {
  it('is never served old afterwards, on either instance', async () => {
    for (let round = 0; round < 5; round++) {
      const user = `u${round}`
      await change(0, user, 'old')
      for (const index of both) {
        await until(
          () => profile(index, user),
          ({ headers, body }) => headers.get('x-cache') === 'hit' && body.displayName === 'old',
        )
      }
      await system.redis.kill()
      const changed = await change(round % 2 === 0 ? 0 : 1, user, 'new')
      expect(changed).toMatchObject({ status: 200, body: { displayName: 'new' } })

      // Asked without a pause while Redis comes back and until the cache answers again, since those are the moments
      // that matter.
      const watching = both.map(index => cachedAgain(index, user))
      await system.redis.restart()
      expect(await Promise.all(watching)).toEqual([['new'], ['new']])
      await turns('up')
    }
  })

  it('is not forgotten when the instance that took the change dies before Redis is back', async () => {
    await change(0, 'heir', 'old')
    await until(
      () => profile(1, 'heir'),
      ({ headers }) => headers.get('x-cache') === 'hit',
    )
    await system.redis.kill()
    expect((await change(0, 'heir', 'new')).status).toBe(200)
    system.instances[0].signal('SIGKILL')
    await system.instances[0].ended
    await system.redis.restart()
    await until(
      () => health(1),
      ({ body }) => body.status === 'up',
    )
    // It knows of no outage, and finds the old profile in Redis.
    const heir = await startInstance({ REDIS_URL: system.redis.url, KUSHIM_EMBEDDED_URL: system.databaseUrl })
    try {
      const { body } = await ask(heir, 'GET', '/users/heir/profile')
      expect(body.displayName).toBe('new')
    } finally {
      await heir.stop()
    }
  })
})
