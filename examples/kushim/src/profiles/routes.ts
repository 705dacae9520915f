import type { Database } from '../database/database.ts'
import { badInput, notFound } from '../http/http-error.ts'
import { object, optionalText, text } from '../http/input.ts'
import type { Route } from '../http/router.ts'
import type { Changes } from '../redis/changes.ts'
import { readThrough } from '../redis/read-through.ts'
import type { KushimRedis } from '../redis/redis-service.ts'
import { findProfile, type ProfileChange, saveProfile } from './profile.ts'

const path = '/users/:id/profile'

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function readProfile(userId: string, body: unknown): ProfileChange {
  const input = object('body', body, ['displayName', 'email', 'timeZone'])
  const email = optionalText('email', input.email, { max: 254 }) ?? null
  if (email !== null && !/^[^\s@]+@[^\s@]+$/.test(email)) throw badInput('email', 'is not an e-mail address')
  const timeZone = optionalText('timeZone', input.timeZone, { max: 64 }) ?? null
  if (timeZone !== null && !isTimeZone(timeZone)) {
    throw badInput('timeZone', 'is not the name of a time zone, such as Europe/Vienna')
  }
  return { userId, displayName: text('displayName', input.displayName), email, timeZone }
}

export interface ProfileRouteOptions {
  readonly database: Database
  readonly redis: KushimRedis
  readonly changes: Changes
}

export function profileRoutes({ database, redis, changes }: ProfileRouteOptions): Route[] {
  return [
    {
      method: 'GET',
      path,
      async handle(request) {
        const userId = text('id', request.params.id)
        const { value, hit } = await readThrough(changes, redis.userProfile({ userId }), () =>
          findProfile(database.query, userId),
        )
        if (value === undefined) throw notFound('the profile')
        return { status: 200, body: value, headers: { 'x-cache': hit ? 'hit' : 'miss' } }
      },
    },
    {
      method: 'PUT',
      path,
      async handle(request) {
        const userId = text('id', request.params.id)
        const change = readProfile(userId, await request.json())
        const profile = await changes.commit([{ kind: 'profile', userId }], sql => saveProfile(sql, change))
        return { status: 200, body: profile }
      },
    },
  ]
}
