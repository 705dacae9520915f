import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, isUnavailable, json, session } from '../../src/index.ts'
import { until } from '../live-server.ts'

interface Data {
  userId?: string
  items?: string[]
}

const options = { ttl: '1h', value: json<Data>(), perUser: { by: (data: Data) => data.userId } } as const
const plan = definePlan('outage', {
  strict: session('strict:<id>', options),
  standing: session('standing:<id>', { ...options, whenDown: 'memory' }),
})

let server: RedisProcess
beforeEach(async () => {
  server = await startRedis({ appendonly: true, args: { appendfsync: 'always' } })
})
afterEach(() => server.cleanUp())

async function open() {
  const client = await connect(plan, {
    url: server.url,
    start: 'required',
    log: false,
    deadline: '1s',
    backoff: { min: '10ms', max: '50ms' },
  })
  onTestFinished(() => client.$close())
  return client
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    value => ({ value }),
    error => error,
  )

describe('while Redis is down', () => {
  test('a read rejects, which is not "nobody is logged in", and afterwards everybody still is', async () => {
    const { strict } = await open()
    const { id } = await strict.create({ userId: 'ann' })
    await server.kill()
    const outcomes = [
      () => strict({ id }).read(),
      () => strict({ id: strict.newId() }).read(),
      () => strict({ id }).update({ items: ['x'] }),
      () => strict({ id }).rotate(),
      () => strict({ id }).destroy(),
      () => strict.create({ userId: 'bob' }),
      () => strict.user('ann').list(),
      () => strict.user('ann').endAll(),
    ].map(work => failure(work()))
    for (const error of await Promise.all(outcomes)) {
      expect(isUnavailable(error)).toBe(true)
      expect([503, 504]).toContain(error.httpStatus)
    }
    await server.restart()
    const back = await until(() =>
      strict({ id })
        .read({ deadline: '5s' })
        .catch(() => undefined),
    )
    expect(back).toMatchObject({ data: { userId: 'ann' } })
    expect(await strict({ id }).update({ items: ['y'] })).toMatchObject({ data: { userId: 'ann', items: ['y'] } })
  })

  test('with memory, what this process knows is read and not changed, and says so; what it does not know rejects', async () => {
    const { standing } = await open()
    const other = await open()
    const known = await standing.create({ userId: 'ann' })
    const foreign = await other.standing.create({ userId: 'bob' })
    await server.kill()
    expect(await standing({ id: known.id }).read()).toEqual({ ...known, degraded: true })
    for (const work of [
      () => standing({ id: foreign.id }).read(),
      () => standing({ id: standing.newId() }).read(),
      () => standing({ id: known.id }).update({ items: ['x'] }),
      () => standing({ id: known.id }).rotate(),
      () => standing.user('ann').list(),
    ]) {
      expect(isUnavailable(await failure(work()))).toBe(true)
    }
    // Redis has not learnt of it, which its caller is told; here it is over.
    expect(isUnavailable(await failure(standing({ id: known.id }).destroy()))).toBe(true)
    expect(isUnavailable(await failure(standing({ id: known.id }).read()))).toBe(true)
  })

  test('with memory, a write that the server refuses makes it forget nothing', async () => {
    const { standing } = await open()
    const known = await standing.create({ userId: 'ann' })
    await server.ask('REPLICAOF', '127.0.0.1', '1')
    expect(isUnavailable(await failure(standing({ id: known.id }).update({ items: ['x'] })))).toBe(true)
    await server.kill()
    expect(await standing({ id: known.id }).read()).toEqual({ ...known, degraded: true })
  })

  test('with memory, who logs in meanwhile is logged in here, and in Redis once it is back', async () => {
    const { standing, $status } = await open()
    expect($status.state).toBe('connected')
    const other = await open()
    await server.kill()
    const begun = await standing.create({ userId: 'cleo' }, { device: { label: 'phone' } })
    expect(begun.degraded).toBe(true)
    const entry = standing({ id: begun.id })
    expect(await entry.update({ items: ['a'] })).toMatchObject({ degraded: true, data: { items: ['a'] } })
    const ended = await standing.create({ userId: 'cleo' })
    expect(await standing({ id: ended.id }).destroy()).toBe(true)
    const moved = (await entry.rotate())!
    expect(moved.degraded).toBe(true)
    expect(await entry.read().catch(error => error.code)).toBeUndefined()

    await server.restart()
    const back = await until(async () => {
      const found = await standing({ id: moved.id }).read()
      return found?.degraded ? undefined : found
    })
    expect(back).toMatchObject({ data: { userId: 'cleo', items: ['a'] }, device: { label: 'phone' } })
    const there = await until(() =>
      other
        .standing({ id: moved.id })
        .read()
        .catch(() => undefined),
    )
    expect(there.data).toEqual(back.data)
    await until(async () => (await other.standing.user('cleo').list()).length === 1)
    expect(await other.standing({ id: begun.id }).read()).toBeUndefined()
    expect(await other.standing({ id: ended.id }).read()).toBeUndefined()
    expect(await standing({ id: moved.id }).destroy()).toBe(true)
    expect(await standing({ id: moved.id }).read()).toBeUndefined()
  })

  test('with memory, who logged in meanwhile is logged out for good, by the id and by the list', async () => {
    const { standing } = await open()
    const other = await open()
    await server.kill()
    const one = await standing.create({ userId: 'dora' })
    const two = await standing.create({ userId: 'dora' })
    const old = await standing.create({ userId: 'dora' })
    const moved = (await standing({ id: old.id }).rotate({ grace: '1m' }))!
    await server.restart()
    const isBack = () =>
      standing({ id: standing.newId() })
        .read()
        .then(
          () => true,
          () => false,
        )
    await until(isBack)
    expect(await standing({ id: one.id }).destroy()).toBe(true)
    expect(await standing({ id: one.id }).read()).toBeUndefined()
    // The old id leads on from here until its grace is over.
    expect(await standing({ id: old.id }).destroy()).toBe(true)
    expect(await standing({ id: moved.id }).read()).toBeUndefined()
    expect((await standing.user('dora').list()).map(({ name }) => name)).toEqual([two.name])
    expect(await standing.user('dora').endAll()).toBe(1)
    expect(await standing({ id: two.id }).read()).toBeUndefined()
    expect(await other.standing({ id: two.id }).read()).toBeUndefined()
    expect(await standing.user('dora').list()).toEqual([])
  })
})
