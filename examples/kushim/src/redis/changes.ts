import type { Database, Sql } from '../database/database.ts'
import type { Log } from '../log.ts'
import { type Invalidation, invalidate } from './invalidation.ts'
import type { RedisService } from './redis-service.ts'

/**
 * Changes of what is cached. The invalidations of a change are noted in its own transaction and struck off when
 * Redis has carried them out. So a change made while Redis is away, or by an instance that dies right after its
 * commit, is never forgotten: whichever instance reaches Redis first carries it out, and none trusts the cache
 * after an outage before it has looked.
 */
export interface Changes {
  /** Runs `work` in a transaction, commits, then invalidates. Where `work` gives `undefined` nothing has changed. */
  commit<T>(invalidations: readonly Invalidation[], work: (sql: Sql) => Promise<T>): Promise<T>
  /** Everything committed before the last outage is out of the cache. */
  readonly settled: boolean
  close(): Promise<void>
}

export interface ChangesOptions {
  readonly database: Database
  readonly redis: RedisService
  readonly log: Log
}

interface Noted {
  id: string
  target: Invalidation
}

/**
 * How often an instance looks for what another one could not carry out, in milliseconds. With the second that
 * `select` leaves the other one to do it itself, this bounds how long an instance that reaches Redis serves what an
 * instance that does not has changed.
 */
const lookEveryMs = 500
const batch = 500

const select = `select id, target from pending_invalidations
                 where $1 or noted_at < now() - interval '1 second' order by id limit ${batch}`

function distinct(noted: readonly Noted[]): Invalidation[] {
  return [...new Map(noted.map(({ target }) => [JSON.stringify(target), target])).values()]
}

export function createChanges({ database, redis, log }: ChangesOptions): Changes {
  let settled = !redis.shared
  let outages = 0
  let looking: Promise<void> | undefined
  const background = new Set<Promise<void>>()

  function inBackground(work: Promise<void>): void {
    const quiet = work.catch(complain).finally(() => background.delete(quiet))
    background.add(quiet)
  }
  let troubled = false
  /** Once for each time of trouble: the looks go on meanwhile. */
  const complain = (error: unknown) => {
    if (!troubled) log(`[Changes] noted invalidations cannot be looked for (${redis.explain(error)}); trying again`)
    troubled = true
  }

  async function carryOut(noted: readonly Noted[]): Promise<boolean> {
    const certainties = await Promise.all(distinct(noted).map(target => invalidate(redis.client, target)))
    return certainties.every(certainty => certainty === 'done')
  }

  const strikeOff = async (noted: readonly Noted[]) => {
    await database.query('delete from pending_invalidations where id = any($1)', [noted.map(({ id }) => id)])
  }

  async function look(): Promise<void> {
    if (!redis.connected) return
    const before = outages
    for (;;) {
      const noted = await database.query<Noted>(select, [!settled])
      if (noted.length > 0) {
        if (!(await carryOut(noted))) return
        await strikeOff(noted)
      }
      if (noted.length < batch) break
    }
    troubled = false
    if (outages === before) settled = true
  }

  const lookOnce = () => {
    looking ??= look()
      .catch(complain)
      .finally(() => {
        looking = undefined
      })
    return looking
  }

  const timer = redis.shared ? setInterval(lookOnce, lookEveryMs) : undefined
  redis.onLink(connected => {
    if (connected) lookOnce()
    else {
      outages++
      settled = false
    }
  })
  if (redis.shared) lookOnce()

  return {
    get settled() {
      return settled
    },

    async commit(invalidations, work) {
      const { result, noted } = await database.transaction(async sql => {
        const result = await work(sql)
        if (result === undefined || !redis.shared) return { result, noted: [] }
        const targets = invalidations.map(target => JSON.stringify(target))
        const rows = await sql<Noted>(
          'insert into pending_invalidations (target) select unnest($1::jsonb[]) returning id, target',
          [targets],
        )
        return { result, noted: rows }
      })
      if (result === undefined) return result
      try {
        if (!redis.shared) await Promise.all(invalidations.map(target => invalidate(redis.client, target)))
        // While Redis is away the note is enough: nobody reads from the cache before it was looked for.
        else if (redis.connected && (await carryOut(noted))) {
          // The caller need not wait for it: left standing, it is only carried out once more.
          inBackground(strikeOff(noted))
        }
      } catch (error) {
        // The change stands, and what is noted will be carried out: the caller has nothing to repair.
        log(`[Changes] ${redis.explain(error)}; the invalidation is noted`)
      }
      return result
    },

    async close() {
      clearInterval(timer)
      await Promise.all([looking, ...background])
    },
  }
}
