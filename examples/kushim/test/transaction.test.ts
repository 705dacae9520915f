import { type RedisProcess, startRedis } from '@keyplan/local'
import { connect } from 'keyplan/client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createContextService } from '../dist/context/context-service.js'
import { type Database, openDatabase } from '../dist/database/database.js'
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../dist/database/embedded.js'
import { createSchema } from '../dist/database/schema.js'
import plan from '../dist/kushim.plan.js'
import { createIngestion } from '../dist/records/ingestion.js'
import { type Changes, createChanges } from '../dist/redis/changes.js'
import type { RedisService } from '../dist/redis/redis-service.js'
import { until } from './support/until.ts'

let server: RedisProcess
let embedded: EmbeddedDatabase
/** What the parts under test use, and what somebody else uses meanwhile. PGlite serves one transaction at a time. */
let database: Database
let other: Database
let redis: RedisService
let changes: Changes
beforeAll(async () => {
  server = await startRedis()
  embedded = await startEmbeddedDatabase({ port: 0, dataFolder: undefined })
  database = openDatabase({ url: embedded.url, embedded: true })
  other = openDatabase({ url: embedded.url, embedded: true })
  await createSchema(database)
  // Patient beyond the test, so that whatever waits for the silent Redis goes on waiting.
  const patience = { attempt: '1m', deadline: '1m', stall: '1m', pingEvery: '1m' } as const
  const client = await connect(plan, { url: server.url, start: 'required', ...patience })
  redis = {
    client,
    shared: true,
    connected: true,
    onLink: () => {},
    explain: String,
    close: client.$close,
  }
  changes = createChanges({ database, redis, log: () => {} })
})
afterAll(async () => {
  server?.resume()
  await changes?.close()
  await redis?.close()
  await database?.close()
  await other?.close()
  await embedded?.stop()
  await server?.cleanUp()
})

const record = (externalId: string) => ({
  userId: 'ada',
  platform: 'notes',
  dataSourceId: 'pad',
  externalId,
  title: externalId,
  content: '',
  facets: [],
})

const parts = () => ({ database, redis: redis.client, changes, log: () => {} })
const ingest = (externalId: string) => createIngestion(parts()).ingest(record(externalId))

/** While Redis says nothing, `work` is seen by others in the database, and goes on waiting for Redis all the same. */
async function expectCommittedBeforeRedis(work: () => Promise<unknown>, seen: () => Promise<boolean>): Promise<void> {
  await server.pause()
  let answered = false
  const working = work().finally(() => {
    answered = true
  })
  try {
    await until(seen, done => done)
    await other.query('insert into profiles (user_id, display_name) values (gen_random_uuid()::text, $1)', ['stranger'])
    expect(answered).toBe(false)
  } finally {
    server.resume()
  }
  await working
}

describe('while Redis says nothing, no transaction is kept open for it', () => {
  let id: string
  beforeEach(async () => {
    id = (await ingest('kept')).record.id
  })

  it('by a change of a context group, whose invalidation waits', async () => {
    await expectCommittedBeforeRedis(
      () => createContextService(parts()).edit('ada', id, { title: 'Trip' }),
      async () => (await other.query("select 1 from context_edits where title = 'Trip'")).length === 1,
    )
  })

  it('by a new record, whose lock and invalidations wait', async () => {
    await expectCommittedBeforeRedis(
      () => ingest('new'),
      async () => (await other.query("select 1 from records where external_id = 'new'")).length === 1,
    )
  })

  it('by a load, whose result waits to be stored', async () => {
    await server.pause()
    const loading = createContextService(parts()).group('ada', id, 3)
    try {
      for (let times = 0; times < 5; times++) {
        await other.query('update profiles set display_name = $1', [String(times)])
      }
    } finally {
      server.resume()
    }
    expect((await loading).value.recordId).toBe(id)
  })
})
