import { type CallOptions, checkOptions } from '../../base/call.ts'
import { KeyplanError, kindOf } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Access, Found } from './access.ts'
import { attempt } from './attempt.ts'
import { userText } from './contents.ts'
import type { SessionInfo, UserSessions } from './contract.ts'
import { latestWriteMs } from './drafts.ts'
import type { Endings } from './endings.ts'
import type { SessionNames } from './names.ts'
import type { SessionSettings } from './settings.ts'
import type { Snapshots } from './snapshots.ts'
import type { SessionStore } from './store.ts'

/**
 * Which sessions are whose. A list says only where to look: the session itself is the truth. A key is on its user's list
 * before the session is there, and is noted again while it is used, so no crash leaves a session that lives and is on no list;
 * what a crash leaves on the list is struck when it is looked at, or falls off by itself.
 */
export interface UserLists {
  /** Puts a key on the list. `until` is how long it certainly stays there, and its session may live. */
  note(
    user: string,
    key: string,
    end: number,
  ): Promise<{ readonly at: number; readonly until: number; readonly crowd: readonly string[] }>
  /** Ends the oldest of those in the crowd that are more than the user may have. */
  trim(user: string, crowd: readonly string[]): Promise<void>
  strike(user: string, keys: readonly string[]): Promise<void>
  of(user: unknown): UserSessions
}

interface ListParts {
  readonly settings: SessionSettings
  readonly names: SessionNames
  readonly steps: Pick<Guarded<SessionStore>, 'note' | 'listed' | 'strike'>
  readonly access: Pick<Access, 'find'>
  readonly endings: Endings
  readonly snapshots: Pick<Snapshots, 'info'>
}

/** A session may live this many lifetimes without its list being told; it is told long before. */
export const lifetimesKept = 2

export function createUserLists({ settings, names, steps, access, endings, snapshots }: ListParts): UserLists {
  const { perUser, ttlMs } = settings
  const keptMs = lifetimesKept * ttlMs

  const oldestFirst = (a: Found, b: Found) => a.record.created - b.record.created || (a.key < b.key ? -1 : 1)

  /** Those that live and are the user's, the oldest first; what leads nowhere is struck, unless it may be about to begin. */
  async function living(user: string, keys: readonly string[], options?: CallOptions): Promise<Found[]> {
    const found = await Promise.all(keys.map(key => access.find(key, false, options)))
    const live: Found[] = []
    const dead: string[] = []
    for (const [index, one] of found.entries()) {
      if (one?.record.user === user && one.key === keys[index]) live.push(one)
      else dead.push(keys[index]!)
    }
    if (dead.length > 0) await attempt(steps.strike(undefined, names.user(user), dead, 2 * latestWriteMs))
    return live.sort(oldestFirst)
  }

  async function endAll(user: string, sessions: readonly Found[], options?: CallOptions): Promise<number> {
    const ended = await Promise.all(sessions.map(found => endings.end(found, options)))
    if (sessions.length > 0) {
      const keys = sessions.map(({ key }) => key)
      await attempt(steps.strike(undefined, names.user(user), keys, 0))
    }
    return ended.filter(Boolean).length
  }

  const lists: UserLists = {
    async note(user, key, end) {
      const { at, crowd } = await steps.note(undefined, names.user(user), key, keptMs, perUser?.max)
      return { at, until: Math.min(end, at + keptMs), crowd }
    },
    async trim(user, crowd) {
      const { max } = perUser ?? {}
      if (max === undefined || crowd.length <= max) return
      const live = await living(user, crowd)
      await endAll(user, live.slice(0, Math.max(0, live.length - max)))
    },
    strike: (user, keys) => steps.strike(undefined, names.user(user), keys, 0),
    of(given) {
      const user = userText(given)
      if (perUser === undefined) throw new KeyplanError('UNSUPPORTED', 'Sessions are not kept by user; declare perUser')
      if (user === undefined)
        throw new KeyplanError('PARAM_INVALID', `the user is ${kindOf(given)}; give a name or a number`)
      const list = names.user(user)
      const all = async (options?: CallOptions) => living(user, await steps.listed(options, list), options)
      return {
        async list(options): Promise<SessionInfo[]> {
          if (options !== undefined) checkOptions(options)
          return (await all(options)).reverse().map(snapshots.info)
        },
        async end(name, options) {
          if (options !== undefined) checkOptions(options)
          const named = (await all(options)).filter(({ key }) => names.nameOf(key) === name)
          return (await endAll(user, named, options)) > 0
        },
        async endAll(options) {
          if (options !== undefined) checkOptions(options, ['except'])
          const { except, ...terms } = options ?? {}
          const others = (await all(terms)).filter(({ key }) => names.nameOf(key) !== except?.name)
          return endAll(user, others, terms)
        },
      }
    },
  }
  return lists
}
