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
  concerns(key: string | undefined, tags: readonly string[]): boolean
  /** Whether anything is owed. */
  readonly owing: boolean
  /** What was done in the last seconds before the outage is owed again: the server may have forgotten it. */
  doubtRecent(): void
  /** Hands over what is owed. It stays a concern until `settle` is called, with what is still owed of it. */
  take(): { readonly due: Invalidations; settle(unpaid: Partial<Invalidations>): void }
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
  const taken = new Set<Page>()
  let recent = emptyPage()
  let older = emptyPage()
  let turnedAt = clock.now()

  /** Only when something is done: in an outage nothing is, so that what came before it stays recent. */
  function turn(): void {
    const age = clock.now() - turnedAt
    if (age < recentMs) return
    older = age < 2 * recentMs ? recent : emptyPage()
    recent = emptyPage()
    turnedAt = clock.now()
  }

  const touches = (page: Page, key: string | undefined, tags: readonly string[]) =>
    page.all || (key !== undefined && page.keys.has(key)) || tags.some(tag => page.tags.has(tag))

  return {
    owe: what => note(owed, what),
    done(what) {
      turn()
      note(recent, what)
    },
    concerns(key, tags) {
      if (touches(owed, key, tags)) return true
      for (const page of taken) if (touches(page, key, tags)) return true
      return false
    },
    get owing() {
      return !isEmpty(owed) || taken.size > 0
    },
    doubtRecent() {
      note(owed, older)
      note(owed, recent)
    },
    take() {
      const due = owed
      owed = emptyPage()
      taken.add(due)
      return {
        due,
        settle(unpaid) {
          note(owed, unpaid)
          taken.delete(due)
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
