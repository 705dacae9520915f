import assert from 'node:assert/strict'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { E_LOCK_NOT_OWNED, type Lock, Verrou } from '@verrou/core'
import { registerStoreTestSuite } from '@verrou/core/test_suite'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type VerrouStore, verrouStore } from '../../../packages/keyplan/src/adapters/verrou.ts'
import { type Client, connect } from '../../../packages/keyplan/src/client/index.ts'
import { definePlan, isUnavailable, lock } from '../../../packages/keyplan/src/index.ts'
import { killableServer } from '../../../packages/keyplan/test/killable-server.ts'
import { until } from '../../../packages/keyplan/test/live-server.ts'

const plan = definePlan('locks', {
  locks: lock('lock:<key>', { ttl: '1s' }),
  pair: lock('pair:<a>:<b>', { ttl: '1s' }),
})

/** What verrou's own tests ask of their runner, of which this repository has another one. */
type Runner = (name: string, run: (context: { assert: object }) => Promise<unknown>) => Expectation

interface Expectation {
  throws(message: string, type?: new () => Error): void
}

const assertions = {
  isTrue: (value: unknown) => assert.equal(value, true),
  isFalse: (value: unknown) => assert.equal(value, false),
  isString: (value: unknown) => assert.equal(typeof value, 'string'),
  equal: assert.equal,
  deepEqual: assert.deepEqual,
  rejects: (work: () => Promise<unknown>, message: string) => assert.rejects(work, { message }),
}

describe.concurrent('verrou’s own tests', () => {
  let server: RedisProcess
  let redis: Client<(typeof plan)['namespaces']>
  beforeAll(async () => {
    server = await startRedis()
    redis = await connect(plan, { url: server.url, log: false })
  })
  afterAll(async () => {
    await redis.$close()
    await server.cleanUp()
  })

  const runner: Runner = (name, run) => {
    let thrown: { message: string } | undefined
    test(name, async () => {
      const work = run({ assert: assertions })
      if (thrown) await expect(work).rejects.toThrow(thrown.message)
      else await work
    })
    return {
      throws(message) {
        thrown = { message }
      },
    }
  }
  let stores = 0
  /** They run side by side, and call all of their locks the same: each store has locks of its own. */
  function createStore(): VerrouStore {
    const number = ++stores
    const own = ({ key }: { key: string }) => redis.locks({ key: `${number} ${key}` })
    const { pattern, declaration } = redis.locks
    return verrouStore(Object.assign(own, { pattern, declaration }), E_LOCK_NOT_OWNED).factory()
  }
  const register = registerStoreTestSuite as unknown as (options: { test: Runner; createStore(): VerrouStore }) => void
  register({ test: runner, createStore })
})

describe('verrou', () => {
  const setup = killableServer(plan)

  async function process(): Promise<(name: string, ttl?: number | null) => Lock> {
    const { locks } = await setup.another()
    const driver = verrouStore(locks, E_LOCK_NOT_OWNED)
    const verrou = new Verrou({ default: 'shared', stores: { shared: { driver } } })
    return (name, ttl) => verrou.createLock(name, ttl)
  }

  test('a lock excludes other processes, and one that lasts longer than the plan says is renewed', async () => {
    const [one, other] = [await process(), await process()]
    const held = one('a', 60_000)
    expect(await held.acquireImmediately()).toBe(true)
    expect(await other('a').acquireImmediately()).toBe(false)
    const ended = Date.now() + 1_500
    await until(() => Date.now() > ended)
    expect(await other('a').acquireImmediately()).toBe(false)
    await held.release()
    expect(await other('a').acquireImmediately()).toBe(true)
    await expect(held.release()).rejects.toThrow(E_LOCK_NOT_OWNED)
    await expect(held.extend()).rejects.toThrow(E_LOCK_NOT_OWNED)
  })

  test('its time to live ends it for other processes too', async () => {
    const [one, other] = [await process(), await process()]
    const held = one('a', 50)
    await held.acquire()
    expect(await other('a').acquire({ retry: { delay: 10 } })).toBe(true)
    await expect(held.release()).rejects.toThrow(E_LOCK_NOT_OWNED)
    await expect(held.extend(50)).rejects.toThrow(E_LOCK_NOT_OWNED)
  })

  test('a clock of the machine that is set forward does not end it', async () => {
    const { locks } = await setup.another()
    const store = verrouStore(locks, E_LOCK_NOT_OWNED).factory()
    expect(await store.save('a', 'one', 60_000)).toBe(true)
    const wall = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000)
    try {
      expect(await store.save('a', 'two', 60_000)).toBe(false)
      await store.extend('a', 'one', 60_000)
    } finally {
      wall.mockRestore()
    }
    await store.delete('a', 'one')
  })

  test('while Redis is down nobody is told to have it', async () => {
    const make = await process()
    const held = make('a', 60_000)
    await held.acquire()
    await setup.kill()
    const works = [held.release(), make('b').acquireImmediately(), held.isLocked()]
    for (const { reason } of (await Promise.allSettled(works)) as PromiseRejectedResult[]) {
      expect(reason).toSatisfy(isUnavailable)
    }
    await setup.restart()
    expect(
      await until(() =>
        make('b')
          .acquireImmediately()
          .catch(() => false),
      ),
    ).toBe(true)
  })

  test('by force a lock is released by any process', async () => {
    const [one, other] = [await process(), await process()]
    await one('a').acquire()
    await other('a').forceRelease()
    expect(await other('a').acquireImmediately()).toBe(true)
    await other('a').forceRelease()
    await one('a').forceRelease()
    expect(await one('a').isLocked()).toBe(false)
  })

  test('a lock that another process got, since this one has lost it, is released by force all the same', async () => {
    const [one, other] = [await process(), await process()]
    await one('a', 60_000).acquire()
    await setup.redis.$command('flushall')
    expect(await other('a', 60_000).acquireImmediately()).toBe(true)
    await one('a').forceRelease()
    expect(await one('a').isLocked()).toBe(false)
  })

  test('what is wrong is said when it is made', () => {
    const make = verrouStore as (namespace: unknown, error: unknown) => unknown
    const refused = (code: string) => expect.objectContaining({ code })
    expect(() => make({}, E_LOCK_NOT_OWNED)).toThrow(refused('PARAM_INVALID'))
    expect(() => make(setup.redis.pair, E_LOCK_NOT_OWNED)).toThrow(refused('PLAN_INVALID'))
    const voted = Object.assign(() => {}, { declaration: lock('voted:<key>', { ttl: '1s', quorum: true }) })
    expect(() => make(voted, E_LOCK_NOT_OWNED)).toThrow('was given locks of a quorum')
    expect(() => make(setup.redis.locks, undefined)).toThrow('give it E_LOCK_NOT_OWNED')
  })
})
