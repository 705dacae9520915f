import type { Database } from '../database/database.ts'
import { badInput, notFound } from '../http/http-error.ts'
import type { Log } from '../log.ts'
import type { Changes } from '../redis/changes.ts'
import { type Cached, readThrough } from '../redis/read-through.ts'
import type { KushimRedis } from '../redis/redis-service.ts'
import { findContextEdits, saveContextEdits } from './context-edits.ts'
import type { ContextEdits, ContextGroup } from './context-group.ts'
import { loadContextGroup } from './graph.ts'

export interface ContextService {
  /** @throws HttpError 404 when the user has no such record */
  group(userId: string, recordId: string, depth: number): Promise<Cached<ContextGroup>>
  /**
   * Changes what is given and leaves the rest.
   *
   * @throws HttpError 404 when the user has no such record, 400 when a pinned one is not theirs
   */
  edit(userId: string, recordId: string, change: Partial<ContextEdits>): Promise<ContextEdits>
}

export interface ContextServiceOptions {
  readonly database: Database
  readonly redis: KushimRedis
  readonly changes: Changes
  readonly log: Log
}

export function createContextService(options: ContextServiceOptions): ContextService {
  const { database, redis, changes, log } = options
  return {
    async group(userId, recordId, depth) {
      const { value, hit } = await readThrough(
        changes,
        redis.contextGroup({ userId, recordId, depth: String(depth) }),
        () => database.transaction(sql => loadContextGroup(sql, userId, recordId, depth)),
      )
      if (value === undefined) throw notFound('the record')
      if (hit) log(`[GraphService] Cache hit for context group: ${recordId}:${depth}`)
      return { value, hit }
    },

    edit: (userId, recordId, change) =>
      changes.commit([{ kind: 'contextGroups', userId }], async sql => {
        // The row is held so that two edits at once do not each undo the other's half.
        const [record] = await sql('select 1 from records where id = $1 and user_id = $2 for update', [
          recordId,
          userId,
        ])
        if (!record) throw notFound('the record')
        const edits = { ...(await findContextEdits(sql, recordId)), ...change }
        const both = edits.pinned.find(id => edits.removed.includes(id))
        if (both !== undefined)
          throw badInput(change.pinned ? 'pinned' : 'removed', 'names a record that is in both lists')
        for (const field of ['pinned', 'removed'] as const) {
          if (edits[field].includes(recordId)) throw badInput(field, 'names the record itself')
        }
        const theirs = await sql('select 1 from records where user_id = $1 and id = any($2)', [userId, edits.pinned])
        if (theirs.length < edits.pinned.length) throw badInput('pinned', 'names a record the user does not have')
        await saveContextEdits(sql, recordId, edits)
        return edits
      }),
  }
}
