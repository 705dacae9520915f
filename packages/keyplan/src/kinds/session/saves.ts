import type { CallOptions } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Access, Found } from './access.ts'
import { attempt } from './attempt.ts'
import type { Change, Content, Contents } from './contents.ts'
import { type Drafts, tooLate } from './drafts.ts'
import { createLines } from './lines.ts'
import { isTrace, recordOf } from './record.ts'
import type { Refresh } from './refresh.ts'
import type { SessionStore } from './store.ts'
import type { UserLists } from './user-lists.ts'

/** A change, and the version it is for. */
export interface Save extends Change {
  readonly ifVersion: number | undefined
}

/** Writes changes of sessions so that none is lost. */
export interface Saves {
  /** @param known what this caller has last seen of the session */
  save(key: string, known: Found | undefined, save: Save, options?: CallOptions): Promise<Found | undefined>
}

interface SaveParts {
  readonly steps: Pick<Guarded<SessionStore>, 'save'>
  readonly access: Pick<Access, 'find'>
  readonly contents: Contents
  readonly drafts: Drafts
  readonly lists: Pick<UserLists, 'strike'>
  readonly refresh: Pick<Refresh, 'saved'>
  readonly time: (key: string) => number
}

interface Waiting {
  readonly save: Save
  resolve(found: Found | undefined): void
  reject(error: unknown): void
}

/** A change that met so many others in a row has been unlucky beyond reason. */
const mostTries = 200

/**
 * Each write says which version it was made from, and is made anew from what is there when that is another. Changes of one
 * session that this process makes while one of them is under way wait for it, and are then written together: they do not get
 * into each other's way.
 */
export function createSaves({ steps, access, contents, drafts, lists, refresh, time }: SaveParts): Saves {
  const lines = createLines<Found | undefined, Waiting>(write, ({ save }) => save.ifVersion !== undefined)

  /** Writes the changes as one; each caller is told what became of its own. What is there afterwards, as far as known. */
  async function write(
    key: string,
    known: Found | undefined,
    changes: readonly Waiting[],
    options?: CallOptions,
  ): Promise<Found | undefined> {
    let at = known
    let fresh = false
    let waiting = changes
    for (let tries = 0; tries < mostTries; tries++) {
      if (at === undefined || (!fresh && waiting.some(({ save }) => isAhead(save, at)))) {
        at = await access.find(key, false, options)
        fresh = true
      }
      if (at === undefined) {
        for (const { resolve } of waiting) resolve(undefined)
        return undefined
      }
      const applied: Waiting[] = []
      const content = applyAll(at, waiting, applied)
      if (applied.length === 0) return at
      waiting = applied
      const outcome = await store(at, content, options)
      if (outcome.is === 'saved') {
        for (const { resolve } of waiting) resolve(outcome.found)
        return outcome.found
      }
      at = outcome.found
      fresh = true
    }
    const many = `The session was written by others ${mostTries} times in a row`
    throw new KeyplanError('VERSION_CONFLICT', many, { outcome: 'not-executed' })
  }

  /** All changes at once; when one of them cannot be, each by itself, so that only its own caller is told. */
  function applyAll(at: Found, waiting: readonly Waiting[], applied: Waiting[]): Content {
    const fitting = waiting.filter(({ save, reject }) => {
      if (save.ifVersion === undefined || save.ifVersion === at.record.version) return true
      reject(conflict())
      return false
    })
    if (fitting.length > 1) {
      try {
        const content = contents.changed(at.record, fitting.map(saveOf))
        applied.push(...fitting)
        return content
      } catch {
        // Whose fault it is shows below.
      }
    }
    let content: Content = at.record
    for (const one of fitting) {
      try {
        content = contents.changed(content, [one.save])
        applied.push(one)
      } catch (error) {
        one.reject(error)
      }
    }
    return content
  }

  async function store(
    { key, record }: Found,
    content: Content,
    options?: CallOptions,
  ): Promise<
    { readonly is: 'saved'; readonly found: Found } | { readonly is: 'met'; readonly found: Found | undefined }
  > {
    const { draft, created, settle } = await drafts.prepare(key, content, { key, ...record }, time(key))
    const saved = await steps.save(options, key, record.version, draft)
    if (saved.is === 'late') throw tooLate()
    if (saved.is === 'found') {
      const there = saved.raw === null ? undefined : recordOf(saved.raw)
      if (!there || isTrace(there)) return { is: 'met', found: undefined }
      return { is: 'met', found: { key, record: there, degraded: false } }
    }
    const { seen, until, degraded } = saved
    if (record.user !== undefined && record.user !== content.user) await attempt(lists.strike(record.user, [key]))
    await attempt(settle())
    const { user, device, data } = content
    const written = { version: record.version + 1, seen, until, created, user, device, data }
    const found = { key, record: written, degraded: degraded === true }
    refresh.saved(found, record.seen)
    return { is: 'saved', found }
  }

  return {
    save: (key, known, save, options) =>
      new Promise((resolve, reject) => {
        const one = { save, resolve, reject }
        // What has terms of its own is not held to those of others.
        if (options?.signal !== undefined || options?.deadline !== undefined) {
          write(key, known, [one], options).catch(reject)
          return
        }
        lines.join(key, known, one)
      }),
  }
}

const saveOf = ({ save }: Waiting) => save

/** Whether a change is for a version that its caller cannot have from here. */
const isAhead = ({ ifVersion }: Save, at: Found | undefined) =>
  ifVersion !== undefined && ifVersion !== at?.record.version

function conflict(): KeyplanError {
  return new KeyplanError('VERSION_CONFLICT', 'The session has been changed since the version that ifVersion names', {
    outcome: 'not-executed',
  })
}
