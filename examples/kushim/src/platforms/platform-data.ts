import type { Sql } from '../database/database.ts'

/** What one data source of a user has brought in. */
export interface PlatformData {
  readonly platform: string
  readonly userId: string
  readonly dataSourceId: string
  readonly records: number
  /** Relationships in which at least one side came from this source. */
  readonly links: number
  readonly firstAt: string | null
  readonly lastAt: string | null
  /** The ten newest records. */
  readonly latest: readonly { readonly recordId: string; readonly externalId: string; readonly title: string }[]
}

export type PlatformAddress = Pick<PlatformData, 'platform' | 'userId' | 'dataSourceId'>

interface Figures {
  records: number
  first_at: Date | null
  last_at: Date | null
  links: number
}

export async function loadPlatformData(sql: Sql, address: PlatformAddress): Promise<PlatformData> {
  const source = [address.userId, address.platform, address.dataSourceId]
  const counting = sql<Figures>(
    `with source as (
       select id, created_at from records where user_id = $1 and platform = $2 and data_source_id = $3
     )
     select count(*)::int as records, min(created_at) as first_at, max(created_at) as last_at,
            (select count(*)::int from links
              where user_id = $1 and (low_id in (select id from source) or high_id in (select id from source))) as links
       from source`,
    source,
  )
  const listing = sql<PlatformData['latest'][number]>(
    `select id as "recordId", external_id as "externalId", title from records
      where user_id = $1 and platform = $2 and data_source_id = $3
      order by created_at desc, id limit 10`,
    source,
  )
  const [[figures], latest] = await Promise.all([counting, listing])
  return {
    ...address,
    records: figures!.records,
    links: figures!.links,
    firstAt: figures!.first_at?.toISOString() ?? null,
    lastAt: figures!.last_at?.toISOString() ?? null,
    latest,
  }
}
