import type { Sql } from '../database/database.ts'

export interface Profile {
  readonly userId: string
  readonly displayName: string
  readonly email: string | null
  readonly timeZone: string | null
  readonly updatedAt: string
}

export type ProfileChange = Omit<Profile, 'updatedAt'>

interface ProfileRow {
  user_id: string
  display_name: string
  email: string | null
  time_zone: string | null
  updated_at: Date
}

const toProfile = (row: ProfileRow): Profile => ({
  userId: row.user_id,
  displayName: row.display_name,
  email: row.email,
  timeZone: row.time_zone,
  updatedAt: row.updated_at.toISOString(),
})

export async function findProfile(sql: Sql, userId: string): Promise<Profile | undefined> {
  const [row] = await sql<ProfileRow>('select * from profiles where user_id = $1', [userId])
  return row && toProfile(row)
}

export async function saveProfile(sql: Sql, change: ProfileChange): Promise<Profile> {
  const [row] = await sql<ProfileRow>(
    `insert into profiles (user_id, display_name, email, time_zone) values ($1, $2, $3, $4)
     on conflict (user_id) do update
        set display_name = excluded.display_name, email = excluded.email, time_zone = excluded.time_zone,
            updated_at = now()
     returning *`,
    [change.userId, change.displayName, change.email, change.timeZone],
  )
  return toProfile(row!)
}
