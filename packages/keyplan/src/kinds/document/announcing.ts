import { type Announcement, announcementArguments } from '../../mechanisms/log/announcement.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { Argument } from '../../redis/redis.ts'

/** What a change is announced as on a channel: `channel('events:sessions', { value: json<DocumentChange<Board>>() })`. */
export interface DocumentChange<T, Param extends string = string> {
  readonly change: 'created' | 'changed' | 'deleted'
  /** Of the document; those that its pattern hashes are left out. */
  readonly params: Readonly<Record<Param, string>>
  /** 0 when it was deleted. */
  readonly version: number
  /** As its codec writes it. Undefined when it was deleted. */
  readonly value?: T
}

/** Where a change is announced, and what stands in the message before its version. */
export interface ChangeNews {
  readonly announcement: Announcement
  /** JSON of the params. */
  readonly params: string
}

export function changeNews({ parts }: Pattern, params: ParamValues, announcement: Announcement): ChangeNews {
  const told = parts.flatMap(part =>
    'param' in part && !part.hashed ? [[part.param, String(params[part.param])]] : [],
  )
  return { announcement, params: JSON.stringify(Object.fromEntries(told)) }
}

/** The message, as the scripts build it too. `value` is JSON. */
export const changeText = (change: DocumentChange<never>['change'], params: string, version: number, value?: string) =>
  `{"change":"${change}","params":${params},"version":${version}${value === undefined ? '' : `,"value":${value}`}}`

/** What the Lua function `tell` takes behind the change. */
export const newsArguments = (news: ChangeNews | undefined): Argument[] => [
  news?.params ?? '',
  ...announcementArguments(news?.announcement),
]
