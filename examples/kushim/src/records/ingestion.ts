import { isKeyplanError } from 'keyplan'
import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { Changes } from '../redis/changes.ts'
import type { KushimRedis } from '../redis/redis-service.ts'
import { type NewRecord, recordId } from './record.ts'
import { findRecord, insertRecord, type RelatedRecord, takeTurn } from './record-store.ts'

export interface Ingested extends RelatedRecord {
  readonly created: boolean
  /** The lock held in this process only, because Redis could not be asked. */
  readonly degraded: boolean
}

export interface Ingestion {
  /**
   * Stores a record and discovers its relationships, once, however many instances are sent it at a time.
   *
   * @throws KeyplanError LOCK_BUSY when another instance holds the lock and has not stored the record in time
   */
  ingest(record: NewRecord): Promise<Ingested>
}

export interface IngestionOptions {
  readonly database: Database
  readonly redis: KushimRedis
  readonly changes: Changes
  readonly log: Log
}

export function createIngestion({ database, redis, changes, log }: IngestionOptions): Ingestion {
  async function stored(id: string, degraded: boolean): Promise<Ingested | undefined> {
    const existing = await findRecord(database.query, id)
    return existing && { ...existing, created: false, degraded }
  }

  const discover = (id: string, record: NewRecord) =>
    changes.commit(
      [
        { kind: 'contextGroups', userId: record.userId },
        { kind: 'platform', platform: record.platform, userId: record.userId, dataSourceId: record.dataSourceId },
      ],
      async sql => {
        const [, inserted] = await Promise.all([takeTurn(sql, record.userId), insertRecord(sql, id, record)])
        return inserted
      },
    )

  async function underLock(id: string, record: NewRecord): Promise<Ingested> {
    let degraded = false
    const created = await redis.discovery({ recordId: id }).run(async lock => {
      degraded = lock.degraded
      log(
        `[RedisService] Lock acquired: relationship_discovery:${id}${degraded ? ' (this process only, Redis is away)' : ''}`,
      )
      return discover(id, record)
    })
    if (created) return { ...created, created: true, degraded }
    const existing = await stored(id, degraded)
    if (!existing) throw new Error('a record that is stored already cannot be found')
    return existing
  }

  async function ingest(id: string, record: NewRecord): Promise<Ingested> {
    const existing = await stored(id, false)
    if (existing) return existing
    try {
      return await underLock(id, record)
    } catch (error) {
      const busy = isKeyplanError(error, 'LOCK_BUSY')
      if (!busy && !isKeyplanError(error, 'LOCK_LOST')) throw error
      if (busy) log(`[RedisService] Failed to acquire lock: relationship_discovery:${id}`)
      // Whoever held the lock has done the work; a lock lost on the way may have let both do it, and the
      // constraint let one of them through.
      const winner = await stored(id, false)
      if (!winner) throw error
      return winner
    }
  }

  /** What is under way here. A record never changes, so the same one sent meanwhile has the same answer. */
  const underWay = new Map<string, Promise<Ingested>>()

  return {
    async ingest(record) {
      const id = recordId(record)
      const present = underWay.get(id)
      if (present) return { ...(await present), created: false }
      const started = ingest(id, record).finally(() => underWay.delete(id))
      underWay.set(id, started)
      return started
    },
  }
}
