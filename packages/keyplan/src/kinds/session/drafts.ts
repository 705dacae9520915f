import { KeyplanError } from '../../base/error.ts'
import type { Content } from './contents.ts'
import { restOf } from './record.ts'
import type { SessionSettings } from './settings.ts'
import type { Draft } from './store.ts'
import type { UserLists } from './user-lists.ts'

/** A session about to be written, and what is to be done when it was. */
export interface Prepared {
  readonly draft: Draft
  readonly created: number
  /** Ends what its user has too many of. */
  settle(): Promise<void>
}

/** Prepares the writing of sessions. Whoever gets a user is put on that user's list first. */
export interface Drafts {
  /**
   * @param key where it will lie
   * @param before what it was, if it is the same session
   * @param now on the clock of the server that has it
   */
  prepare(key: string, content: Content, before: Before | undefined, now: number): Promise<Prepared>
}

interface Before {
  readonly key: string
  readonly created: number
  readonly user: string | undefined
  readonly until: number
}

/** A session without an end of its own ends after the longest length of time there is. */
const longestLifeMs = 10_000 * 86_400_000

/** A write that takes longer is refused: an entry of a list that leads nowhere is struck after twice this. */
export const latestWriteMs = 30_000

export function createDrafts({ ttlMs, absoluteMs }: SessionSettings, lists: UserLists): Drafts {
  const endOf = (created: number) => created + Math.min(absoluteMs, longestLifeMs)
  return {
    async prepare(key, content, before, now) {
      const { user } = content
      const sameUser = before !== undefined && before.user === user
      const created = before !== undefined && (sameUser || user === undefined) ? before.created : now
      const rest = restOf({ created, ...content }, newMark())
      const draft = { rest, ttlMs, until: endOf(created), notAfter: undefined }
      if (user === undefined) return { draft, created, settle: async () => {} }
      if (sameUser && before.key === key)
        return { draft: { ...draft, until: undefined }, created, settle: async () => {} }
      const { until, at, crowd } = await lists.note(user, key, endOf(created))
      return {
        draft: { rest, ttlMs, until, notAfter: at + latestWriteMs },
        created,
        settle: () => lists.trim(user, crowd),
      }
    },
  }
}

/** By which a write that is sent again finds itself. */
const newMark = () => process.getBuiltinModule('node:crypto').randomBytes(6).toString('base64url')

export function tooLate(): KeyplanError {
  return new KeyplanError('TIMEOUT', 'The session was not written: the request reached Redis too late', {
    outcome: 'not-executed',
  })
}
