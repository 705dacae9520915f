import type { Clock } from '../../base/clock.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { Redis, Tracking } from '../../redis/redis.ts'
import type { Server } from '../kind.ts'
import { createCopies } from './copies.ts'
import { copyOf } from './copy-of.ts'
import type { Form, Opened } from './form.ts'
import { freezeWhole } from './freeze-whole.ts'
import type { Freshness } from './freshness.ts'
import { createNameBytes, textBytes } from './heap-bytes.ts'
import { createBelief } from './near-belief.ts'
import { Copy, copyBytes, tagBytes } from './near-copy.ts'
import { createNearNames } from './near-names.ts'
import type { Found, Question } from './reads.ts'
import type { CacheSettings } from './settings.ts'
import { createTraces } from './traces.ts'

/** What is noted before a value is asked for, so that it can be told whether it may be kept. */
export interface NearTicket {
  readonly mark: number | undefined
  readonly seen: number
  readonly tags: readonly string[]
}

/** Copies of values in this process. Redis tells which keys change, whoever changes them. */
export interface Near {
  /** What is kept, to be believed or not. Without the key only where the params name it without that. */
  at(params: ParamValues, key?: string): Copy | undefined
  /** Whether the value may be used now. One that may not is let go of. */
  believes(copy: Copy): boolean
  /** Before a value is asked for. */
  ask(question: Question): NearTicket
  /** Keeps a value that was found, unless it may have changed since it was asked for. */
  keep(ticket: NearTicket, question: Question, opened: Opened, found: Found): void
  /** A change by this process: said when it is sent, and when it is done. */
  drop(names: readonly string[]): void
  clear(): void
  /** How many are kept, and about how many bytes of memory they take. */
  readonly size: number
  readonly bytes: number
  close(): void
}

interface NearParts {
  readonly settings: CacheSettings
  readonly pattern: Pattern
  readonly near: NonNullable<CacheSettings['near']>
  readonly form: Form
  readonly freshness: Freshness
  /** What all keys of the namespace begin with, and all of its tags. */
  readonly prefixes: readonly string[]
  readonly redis: Pick<Redis, 'track'>
  readonly lane: Server['lane']
  readonly clock: Clock
  /** The server does not tell of changes. */
  denied(error: KeyplanError): void
}

/** The most changed names that are remembered for the reads under way: forgetting one costs a copy that is not kept. */
const mostTraces = 10_000

/**
 * A copy is let go of when its key or one of its tags is told as changed, and when it is not believed. A value that was asked for before a change and comes after it is not kept.
 */
export function createNear(parts: NearParts): Near {
  const { near, form, clock } = parts
  const { nameOf, nameOfKey } = createNearNames(parts.pattern)
  const belief = createBelief({ ...parts, tracking: () => tracking })
  const copies = createCopies<Copy>(near.max, near.maxBytes, copy => {
    for (const tag of copy.tags) untag(tag, copy)
  })
  const nameBytes = createNameBytes()
  const byTag = new Map<string, Set<Copy>>()
  const changes = createTraces(mostTraces)
  const tracking: Tracking = parts.redis.track(parts.prefixes, {
    invalidated: names => (names === null ? clear() : drop(names)),
    changed(change) {
      belief.changed()
      if (change.type === 'lost') copies.clear()
      // What was asked for before may carry a tag that changed unheard.
      if (change.type === 'ready') changes.forget()
      if (change.type === 'denied') parts.denied(change.error)
    },
  })

  function untag(tag: string, copy: Copy): void {
    const tagged = byTag.get(tag)
    if (tagged?.delete(copy) && tagged.size === 0) byTag.delete(tag)
  }

  function drop(names: readonly string[]): void {
    changes.add(names)
    for (const name of names) {
      const tagged = byTag.get(name)
      if (tagged) for (const copy of [...tagged]) copies.remove(copy)
      const own = nameOfKey(name)
      const copy = own === undefined ? undefined : copies.get(own)
      if (copy) copies.remove(copy)
    }
  }

  function clear(): void {
    belief.changed()
    changes.forget()
    copies.clear()
  }

  return {
    at(params, key) {
      const name = nameOf(params) ?? key
      return name === undefined ? undefined : copies.get(name)
    },
    believes(copy) {
      if (belief.believes(copy)) {
        copy.visited = true
        return true
      }
      copies.remove(copy)
      return false
    },
    ask: ({ key, tags }) => ({ mark: belief.markOf(key, tags), seen: changes.count, tags }),
    keep(ticket, { key, tags }, opened, { stored, seen: answered }) {
      const { seen } = ticket
      // Of one key all values are alike, whether they are kept or not.
      const shared = near.frozen && opened.is !== 'miss' ? freezeWhole(opened.value, nameBytes) : undefined
      // What this process makes up for Redis is not kept twice.
      if (opened.is !== 'fresh' || answered === undefined || stored === null || stored === undefined) return
      const isUntouched = changes.untouched(key, seen) && tags.every(tag => changes.untouched(tag, seen))
      if (!isUntouched || belief.markOf(key, ticket.tags) !== ticket.mark) return
      const { value, marks } = opened
      const mark = belief.markOf(key, tags)
      const ms = belief.lifetimeOf(key, tags, mark, marks.none === true)
      const name = nameOfKey(key)
      if (ms === 0 || name === undefined) return
      // Of one's own: what was read may be a part of something larger.
      const source = shared === undefined ? { stored: copyOf(stored), decode: form.copy } : { value }
      const valueBytes = shared ?? (typeof stored === 'string' ? textBytes(stored) : stored.length)
      const tagsBytes = tags.reduce((sum, tag) => sum + tagBytes + textBytes(tag), 0)
      const bytes = copyBytes + 2 * textBytes(key) + tagsBytes + valueBytes
      const copy = new Copy(name, key, source, { marks, mark, until: clock.now() + ms, tags, bytes })
      copies.add(copy)
      if (copy.gone) return
      for (const tag of tags) {
        const tagged = byTag.get(tag)
        if (tagged) tagged.add(copy)
        else byTag.set(tag, new Set([copy]))
      }
    },
    drop,
    clear,
    get size() {
      return copies.size
    },
    get bytes() {
      return copies.bytes
    },
    close() {
      tracking.close()
      copies.clear()
    },
  }
}
