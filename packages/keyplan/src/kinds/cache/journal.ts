import type { Clock } from '../../base/clock.ts'

/** Invalidations by what they concern. */
export interface Invalidations {
  readonly keys: ReadonlySet<string>
  readonly tags: ReadonlySet<string>
  /** The whole namespace. */
  readonly all: boolean
}

/**
 * Remembers invalidations until they are certain: those that could not be done, and for a while those that were, since
 * a server that is killed forgets the last second of what it acknowledged (`appendfsync everysec`).
 */
export interface Journal {
  owe(what: Partial<Invalidations>): void
  done(what: Partial<Invalidations>): void
  /** Whether an invalidation is owed that concerns the key or one of its tags. */
  concerns(key: string, tags: readonly string[]): boolean
  readonly owing: boolean
  /** What was done lately is owed again: the server may have forgotten it. */
  doubtRecent(): void
  /** Hands over what is owed. It stays a concern until `paid` is called; if that fails it must be owed again. */
  take(): { readonly due: Invalidations; paid(): void }
}

interface Page {
  readonly keys: Set<string>
  readonly tags: Set<string>
  all: boolean
}

const emptyPage = (): Page => ({ keys: new Set(), tags: new Set(), all: false })
const isEmpty = ({ keys, tags, all }: Page) => !all && keys.size === 0 && tags.size === 0
const none: readonly string[] = []

/** A page that overflows concerns the whole namespace: it may forget names, never an invalidation. */
export const pageLimit = 10_000

/** Twice the longest time an acknowledged write is not yet on disk, so that two pages always cover it. */
const recentMs = 4_000

export function createJournal(clock: Clock): Journal {
  let owed = emptyPage()
  let taken = emptyPage()
  let recent = emptyPage()
  let older = emptyPage()
  let turnedAt = clock.now()

  function turn(): void {
    const age = clock.now() - turnedAt
    if (age < recentMs) return
    older = age < 2 * recentMs ? recent : emptyPage()
    recent = emptyPage()
    turnedAt = clock.now()
  }

  const touches = (page: Page, key: string, tags: readonly string[]) =>
    page.all || page.keys.has(key) || tags.some(tag => page.tags.has(tag))

  return {
    owe: what => note(owed, what),
    done(what) {
      turn()
      note(recent, what)
    },
    concerns: (key, tags) => touches(owed, key, tags) || touches(taken, key, tags),
    get owing() {
      return !isEmpty(owed) || !isEmpty(taken)
    },
    doubtRecent() {
      turn()
      note(owed, older)
      note(owed, recent)
    },
    take() {
      const due = owed
      taken = due
      owed = emptyPage()
      return {
        due,
        paid() {
          if (taken === due) taken = emptyPage()
        },
      }
    },
  }
}

function note(page: Page, { keys = new Set(none), tags = new Set(none), all = false }: Partial<Invalidations>): void {
  if (page.all) return
  for (const key of keys) page.keys.add(key)
  for (const tag of tags) page.tags.add(tag)
  if (!all && page.keys.size + page.tags.size <= pageLimit) return
  page.keys.clear()
  page.tags.clear()
  page.all = true
}
