import type { Sql } from '../database/database.ts'
import type { NewRecord, StoredRecord } from './record.ts'

/** A record and what it is related to: strongest first. */
export interface RelatedRecord {
  readonly record: StoredRecord
  readonly links: readonly Link[]
}

/** A relationship: two records of one user, and what they share, as `kind:value`. */
export interface Link {
  readonly recordId: string
  readonly shared: readonly string[]
}

/** The most relationships discovered for one new record: those that share most, then by id. */
export const linkLimit = 200

interface RecordRow {
  id: string
  user_id: string
  platform: string
  data_source_id: string
  external_id: string
  title: string
  content: string
  created_at: Date
  links: Link[]
}

const toRelated = (row: RecordRow): RelatedRecord => ({
  record: {
    id: row.id,
    userId: row.user_id,
    platform: row.platform,
    dataSourceId: row.data_source_id,
    externalId: row.external_id,
    title: row.title,
    content: row.content,
    createdAt: row.created_at.toISOString(),
  },
  links: row.links,
})

/** JSON of rows with a `record_id` and what is `shared`. */
const linksAsJson = `coalesce(json_agg(json_build_object('recordId', record_id, 'shared', shared)
                                       order by cardinality(shared) desc, record_id), '[]')`

/** A record and its links are committed together, so finding one is finding all. */
export async function findRecord(sql: Sql, id: string): Promise<RelatedRecord | undefined> {
  const [row] = await sql<RecordRow>(
    `select records.*, (
       select ${linksAsJson} from (
         select case when low_id = $1 then high_id else low_id end as record_id, shared
           from links where low_id = $1 or high_id = $1
       ) as related
     ) as links
     from records where id = $1`,
    [id],
  )
  return row && toRelated(row)
}

/**
 * Stores a record with its facets and links it to every other one of its user that shares a facet with it.
 * `undefined` where it is stored already: the constraint is the last word.
 */
export async function insertRecord(sql: Sql, id: string, record: NewRecord): Promise<RelatedRecord | undefined> {
  const [row] = await sql<RecordRow>(
    `with inserted as (
       insert into records (id, user_id, platform, data_source_id, external_id, title, content)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning *
     ), mine as (
       insert into facets (record_id, user_id, kind, value)
       select inserted.id, inserted.user_id, given.kind, given.value
         from inserted, unnest($8::text[], $9::text[]) as given (kind, value)
       returning *
     ), related as (
       select other.record_id, array_agg(kind || ':' || value order by kind, value) as shared
         from mine join facets as other using (user_id, kind, value)
        group by other.record_id
        order by count(*) desc, other.record_id
        limit ${linkLimit}
     ), linked as (
       insert into links (low_id, high_id, user_id, shared)
       select least(inserted.id, record_id), greatest(inserted.id, record_id), inserted.user_id, shared
         from inserted, related
     )
     select inserted.*, (select ${linksAsJson} from related) as links from inserted`,
    [
      id,
      record.userId,
      record.platform,
      record.dataSourceId,
      record.externalId,
      record.title,
      record.content,
      record.facets.map(({ kind }) => kind),
      record.facets.map(({ value }) => value),
    ],
  )
  return row && toRelated(row)
}

/**
 * Lets one record of a user at a time discover its relationships. The lock in Redis keeps two instances off one
 * record; two different records that do not yet see each other would both miss the link between them.
 */
export async function takeTurn(sql: Sql, userId: string): Promise<void> {
  await sql('select pg_advisory_xact_lock(hashtextextended($1, 0))', [userId])
}
