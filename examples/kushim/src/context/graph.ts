import type { Sql } from '../database/database.ts'
import { findContextEdits } from './context-edits.ts'
import { type ContextGroup, type ContextMember, memberLimit } from './context-group.ts'

interface Edge {
  from: string
  to: string
  shared: string[]
}

interface Reached {
  distance: number
  shared: readonly string[]
}

/** The most links looked at in one level. */
const edgeLimit = memberLimit * 10

/** The links that lead away from `ids`, strongest first, which decides who is kept when a group overflows. */
function edgesFrom(sql: Sql, userId: string, ids: readonly string[]): Promise<Edge[]> {
  return sql<Edge>(
    `select here.id as "from", case when low_id = here.id then high_id else low_id end as "to", shared
       from unnest($2::text[]) as here (id) join links on here.id in (low_id, high_id)
      where user_id = $1
      order by cardinality(shared) desc, "to", "from"
      limit ${edgeLimit}`,
    [userId, ids],
  )
}

/** Breadth first, level by level. Removed records are neither entered nor passed through. */
async function reach(sql: Sql, userId: string, start: string, depth: number, removed: readonly string[]) {
  const reached = new Map<string, Reached>()
  const closed = new Set([start, ...removed])
  let frontier = [start]
  let truncated = false
  for (let distance = 1; distance <= depth && frontier.length > 0 && !truncated; distance++) {
    const next: string[] = []
    const edges = await edgesFrom(sql, userId, frontier)
    truncated = edges.length === edgeLimit
    for (const { to, shared } of edges) {
      if (closed.has(to)) continue
      if (reached.size === memberLimit) {
        truncated = true
        break
      }
      closed.add(to)
      reached.set(to, { distance, shared })
      next.push(to)
    }
    frontier = next
  }
  return { reached, truncated }
}

/** Computes a context group from the links. `undefined` when the user has no such record. */
export async function loadContextGroup(
  sql: Sql,
  userId: string,
  recordId: string,
  depth: number,
): Promise<ContextGroup | undefined> {
  const [[record], edits] = await Promise.all([
    sql<{ title: string }>('select title from records where id = $1 and user_id = $2', [recordId, userId]),
    findContextEdits(sql, recordId),
  ])
  if (!record) return undefined
  const { reached, truncated } = await reach(sql, userId, recordId, depth, edits.removed)
  const pinned = new Set(edits.pinned)
  const rows = await sql<{ id: string; title: string; platform: string }>(
    'select id, title, platform from records where user_id = $1 and id = any($2)',
    [userId, [...pinned, ...reached.keys()]],
  )
  const members = rows.map(({ id, title, platform }): ContextMember => {
    const { distance = null, shared = [] } = reached.get(id) ?? {}
    return { recordId: id, title, platform, distance, shared, pinned: pinned.has(id) }
  })
  return { recordId, depth, title: edits.title ?? record.title, members: members.sort(byCloseness), truncated }
}

function byCloseness(one: ContextMember, other: ContextMember): number {
  return (
    Number(other.pinned) - Number(one.pinned) ||
    (one.distance ?? Number.MAX_SAFE_INTEGER) - (other.distance ?? Number.MAX_SAFE_INTEGER) ||
    other.shared.length - one.shared.length ||
    (one.recordId < other.recordId ? -1 : 1)
  )
}
