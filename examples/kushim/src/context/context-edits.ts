import type { Sql } from '../database/database.ts'
import type { ContextEdits } from './context-group.ts'

const none: ContextEdits = { title: null, pinned: [], removed: [] }

export async function findContextEdits(sql: Sql, recordId: string): Promise<ContextEdits> {
  const [edits] = await sql<ContextEdits>('select title, pinned, removed from context_edits where record_id = $1', [
    recordId,
  ])
  return edits ?? none
}

export async function saveContextEdits(sql: Sql, recordId: string, edits: ContextEdits): Promise<void> {
  await sql(
    `insert into context_edits (record_id, title, pinned, removed) values ($1, $2, $3, $4)
     on conflict (record_id) do update
        set title = excluded.title, pinned = excluded.pinned, removed = excluded.removed, updated_at = now()`,
    [recordId, edits.title, edits.pinned, edits.removed],
  )
}
