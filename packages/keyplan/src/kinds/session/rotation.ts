import type { CallOptions } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Access, Found } from './access.ts'
import { attempt } from './attempt.ts'
import type { Change, Contents } from './contents.ts'
import { type Drafts, tooLate } from './drafts.ts'
import { movingOf } from './endings.ts'
import type { SessionStore } from './store.ts'
import type { UserLists } from './user-lists.ts'

/** Moves sessions to new keys. */
export type Rotate = (
  known: Found | undefined,
  key: string,
  to: string,
  change: Change,
  graceMs: number,
  options?: CallOptions,
) => Promise<Found | undefined>

interface RotationParts {
  readonly steps: Pick<Guarded<SessionStore>, 'move'>
  readonly access: Pick<Access, 'find'>
  readonly contents: Pick<Contents, 'changed'>
  readonly drafts: Drafts
  readonly lists: Pick<UserLists, 'strike'>
  readonly time: (key: string) => number
}

const mostTries = 200

export function createRotate({ steps, access, contents, drafts, lists, time }: RotationParts): Rotate {
  return async (known, key, to, change, graceMs, options) => {
    let at = known
    for (let tries = 0; tries < mostTries; tries++) {
      at ??= await access.find(key, false, options)
      if (at === undefined) return undefined
      const { record } = at
      const content = contents.changed(record, [change])
      const { draft, created, settle } = await drafts.prepare(to, content, { key: at.key, ...record }, time(to))
      const moved = await steps.move(options, at.key, to, draft, movingOf(time(at.key), record.version, to, graceMs))
      if (moved.is === 'late') throw tooLate()
      if (moved.is === 'saved') {
        if (record.user !== undefined) await attempt(lists.strike(record.user, [at.key]))
        await attempt(settle())
        const { seen, until, degraded } = moved
        const { user, device, data } = content
        return {
          key: to,
          record: { version: 1, seen, until, created, user, device, data },
          degraded: degraded === true,
        }
      }
      // Somebody has written to it, moved or ended it meanwhile.
      at = undefined
    }
    throw new KeyplanError('VERSION_CONFLICT', `The session was written by others ${mostTries} times in a row`, {
      outcome: 'not-executed',
    })
  }
}
