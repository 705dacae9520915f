import { type Announcement, announcementArguments } from '../../mechanisms/log/announcement.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { Argument } from '../../redis/redis.ts'
import type { SessionNames } from './names.ts'

/** What sessions announce on a channel: `channel('logins', { value: json<SessionEvent>() })`. */
export interface SessionEvent {
  /** `moved`: it has a new id, as after a login. */
  readonly event: 'created' | 'moved' | 'ended'
  /** Names the session without being a login. */
  readonly name: string
  /** Whose it is, as `perUser.by` says. */
  readonly user: string | null
  /** What it is called now, when it moved. */
  readonly to?: string
}

/** How what becomes of sessions is announced. */
export interface SessionNews {
  at(key: string): Announcement
  /** Everything of the message that stands before its user. */
  head(event: SessionEvent['event'], key: string, to?: string): string
}

export function sessionNews(
  { match }: Pick<Pattern, 'match'>,
  { nameOf }: Pick<SessionNames, 'nameOf'>,
  announcing: (params: ParamValues) => Announcement,
): SessionNews {
  return {
    at: key => announcing(match(key) ?? {}),
    head(event, key, to) {
      const moved = to === undefined ? '' : `"to":"${nameOf(to)}",`
      return `{"event":"${event}","name":"${nameOf(key)}",${moved}"user":`
    },
  }
}

/** Whose a session is by its text, as JSON. No text within a device ends like this: its quotes would be escaped. */
export const ownerOf = (text: string) => /"user":(.*?),"device":/.exec(text)?.[1] ?? 'null'

/** What becomes of a session. `text` has its user; without it that is what stands at the key. */
export interface Happening {
  readonly event: SessionEvent['event']
  readonly key: string
  readonly to?: string
  readonly text?: string
}

/** What the Lua function `tell` takes behind the text of the session. */
export function newsArguments(news: SessionNews | undefined, happening: Happening | undefined): Argument[] {
  if (!news || !happening) return ['', '', ...announcementArguments(undefined)]
  const { event, key, to, text } = happening
  const owner = text === undefined ? '' : ownerOf(text)
  return [news.head(event, key, to), owner, ...announcementArguments(news.at(key))]
}
