import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, type Reply } from './support/instance.ts'
import { type System, startSystem } from './support/system.ts'
import { until } from './support/until.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system?.stop())

const requests = 200

function recordOf(userId: string, externalId: string, content: string) {
  return { userId, platform: 'gmail', dataSourceId: 'inbox', externalId, content }
}

/** What the database holds of a user, asked of the database itself. */
async function held(userId: string) {
  const records = await system.database.query<{ id: string }>('select id from records where user_id = $1', [userId])
  const links = await system.database.query<{ low_id: string; high_id: string; shared: string[] }>(
    'select low_id, high_id, shared from links where user_id = $1 order by low_id, high_id',
    [userId],
  )
  return { records, links }
}

/** Three records, each of which shares something with the one to come. */
async function seed(userId: string): Promise<string[]> {
  const ids: string[] = []
  for (const [externalId, content] of [
    ['friend', 'a note on @grace'],
    ['trip', 'the hotel in #paris'],
    ['both', '@grace in #paris, see https://hotel.example/room'],
    ['stranger', 'nothing in common'],
  ] as const) {
    const { status, body } = await ask(system.instances[0], 'POST', '/records', {
      body: recordOf(userId, externalId, content),
    })
    expect(status).toBe(201)
    ids.push((body.record as { id: string }).id)
  }
  return ids
}

const newest = (userId: string) => recordOf(userId, 'new', 'Lunch with @grace, then #paris')

/** The same record to both instances, again and again, without waiting; `meanwhile` runs once they are under way. */
async function sendToBoth(userId: string, meanwhile?: () => Promise<void>): Promise<Reply[]> {
  const sent = Array.from({ length: requests }, (_, index) =>
    ask(system.instances[index % 2 === 0 ? 0 : 1], 'POST', '/records', { body: newest(userId) }),
  )
  await meanwhile?.()
  return Promise.all(sent)
}

async function expectOneRecord(userId: string, answers: readonly Reply[], seeded: readonly string[]): Promise<void> {
  expect(answers).toHaveLength(requests)
  const ids = new Set(answers.map(({ body }) => (body.record as { id: string }).id))
  expect(ids.size).toBe(1)
  const [id] = ids
  const { records, links } = await held(userId)
  expect(records.filter(record => record.id === id)).toHaveLength(1)
  expect(records).toHaveLength(seeded.length + 1)

  const [friend, trip, both] = seeded
  const ofNewest = links.filter(link => link.low_id === id || link.high_id === id)
  const others = ofNewest.map(link => (link.low_id === id ? link.high_id : link.low_id))
  expect(others.sort()).toEqual([friend, trip, both].sort())
  const shared = new Map(ofNewest.map(link => [link.low_id === id ? link.high_id : link.low_id, link.shared]))
  expect(shared.get(both!)).toEqual(['person:grace', 'tag:paris'])
  // Every answer tells of the whole set, the losers' too.
  for (const { body } of answers) expect(body.links).toHaveLength(3)
}

async function recovered(): Promise<void> {
  for (const instance of system.instances) {
    await until(
      () => ask(instance, 'GET', '/health/redis'),
      ({ body }) => body.status === 'up',
    )
  }
}

describe('one record sent to both instances 200 times at once', () => {
  it('is stored once, with one set of links', async () => {
    const seeded = await seed('ada')
    const answers = await sendToBoth('ada')
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(requests - 1)
    expect(answers.some(({ body }) => body.degraded)).toBe(false)
    await expectOneRecord('ada', answers, seeded)
    const winner = answers.find(({ status }) => status === 201)!
    const line = `[RedisService] Lock acquired: relationship_discovery:${(winner.body.record as { id: string }).id}`
    expect(system.instances.flatMap(({ lines }) => lines).filter(said => said === line).length).toBeGreaterThan(0)
  })

  it('is stored once while Redis is killed under it and restarted, and every request is answered in time', async () => {
    const slowest: number[] = []
    for (let round = 0; round < 5; round++) {
      const user = `grace-${round}`
      const seeded = await seed(user)
      const answers = await sendToBoth(user, async () => {
        await system.redis.kill()
        await system.redis.restart()
      })
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(requests - 1)
      await expectOneRecord(user, answers, seeded)
      slowest.push(Math.round(Math.max(...answers.map(({ ms }) => ms))))
      await recovered()
    }
    console.info(`slowest answers, one record: ${slowest.join(', ')} ms`)
  })

  it('says degraded, and is still stored once, while Redis is away', async () => {
    const seeded = await seed('joan')
    await system.redis.kill()
    const answers = await sendToBoth('joan')
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.find(({ status }) => status === 201)!.body.degraded).toBe(true)
    await expectOneRecord('joan', answers, seeded)
    await system.redis.restart()
    await recovered()
  })
})

describe('twenty records, each sent five times, while Redis is killed and restarted', () => {
  it('are all answered in time, each stored once, and those whose lock was local say degraded', async () => {
    const slowest: number[] = []
    for (let round = 0; round < 3; round++) {
      const user = `mary-${round}`
      const send = (from: number, to: number) =>
        Array.from({ length: (to - from) * 5 }, (_, index) =>
          ask(system.instances[index % 2 === 0 ? 0 : 1], 'POST', '/records', {
            body: recordOf(user, String(from + Math.floor(index / 5)), 'all about #paris'),
          }),
        )
      const before = send(0, 10)
      await system.redis.kill()
      const without = send(10, 20)
      const first = await Promise.any(without)
      await system.redis.restart()
      const answers = await Promise.all([...before, ...without])

      expect(first.body.degraded).toBe(true)
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(20)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(80)
      const { records, links } = await held(user)
      expect(records).toHaveLength(20)
      expect(links).toHaveLength((20 * 19) / 2)
      slowest.push(Math.round(Math.max(...answers.map(({ ms }) => ms))))
      await recovered()
    }
    console.info(`slowest answers, twenty records: ${slowest.join(', ')} ms`)
  })
})

describe('different records of one user sent at once', () => {
  it('all find each other', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        ask(system.instances[index % 2 === 0 ? 0 : 1], 'POST', '/records', {
          body: recordOf('many', String(index), 'all of them are about #paris'),
        }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
    expect((await held('many')).links).toHaveLength((20 * 19) / 2)
  })
})
