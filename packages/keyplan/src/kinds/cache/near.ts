import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { Redis } from '../../redis/redis.ts'
import type { Surroundings } from '../kind.ts'
import { copyOf } from './copy-of.ts'
import type { Form, Opened } from './form.ts'
import { freezeWhole } from './freeze-whole.ts'
import type { Freshness } from './freshness.ts'
import type { Found, Question } from './reads.ts'
import type { CacheSettings } from './settings.ts'
import { createTraces } from './traces.ts'

/** What is fresh, as it is kept in this process. */
type Fresh = Extract<Opened, { is: 'fresh' | 'due' | 'stale' }>

/** What is noted before a value is asked for, so that it can be told whether it may be kept. */
export interface NearTicket {
  readonly mark: number | undefined
  readonly seen: number
}

/** Copies of values in this process. Redis tells which keys change, whoever changes them. */
export interface Near {
  /** A value that may be believed. */
  get(key: string): Fresh | undefined
  /** Before a value is asked for. */
  ask(key: string): NearTicket
  /** Keeps a value that was found, unless it may have changed since it was asked for. */
  keep(ticket: NearTicket, question: Question, opened: Opened, found: Found): void
  /** A change by this process: said when it is sent, and when it is done. */
  drop(names: readonly string[]): void
  clear(): void
  readonly size: number
  close(): void
}

interface Copy extends Fresh {
  /** Undefined where the server does not tell of changes: then it is believed for a short time. */
  readonly mark: number | undefined
  readonly until: number
  readonly tags: readonly string[]
  readonly bytes: number
}

interface NearParts {
  readonly settings: CacheSettings
  readonly near: NonNullable<CacheSettings['near']>
  readonly form: Form
  readonly freshness: Freshness
  /** What all keys of the namespace begin with, and all of its tags. */
  readonly prefixes: readonly string[]
  readonly redis: Pick<Redis, 'track'>
  readonly clock: Clock
  /** The server does not tell of changes. */
  denied(error: KeyplanError): void
}

/** Says once for a namespace that its copies are short-lived, and why. */
export function untrackedNotice({ name, notify }: Pick<Surroundings, 'name' | 'notify'>): NearParts['denied'] {
  let said = false
  return ({ message }) => {
    if (said) return
    said = true
    const warning = `${name} keeps copies for ${untrackedMs} ms at most: ${message}`
    notify({ type: 'near-untracked', namespace: name, warning })
  }
}

/** How long a copy is believed where nothing tells of changes, at most. */
const untrackedMs = 1_000

/** The most changed names that are remembered for the reads under way: forgetting one costs a copy that is not kept. */
const mostTraces = 10_000

/**
 * A copy is believed while its server's changes have been heard without a gap since before it was read (see `Tracking`) and
 * its key and tags were not told as changed. A value that was asked for before a change and comes after it is not kept.
 */
export function createNear(parts: NearParts): Near {
  const { near, form, freshness, clock } = parts
  const copies = new LRUCache<string, Copy>({
    max: near.max,
    maxSize: near.maxBytes,
    sizeCalculation: ({ bytes }) => bytes,
    dispose: ({ tags }, key) => {
      for (const tag of tags) untag(tag, key)
    },
  })
  const byTag = new Map<string, Set<string>>()
  const changes = createTraces(mostTraces)
  const tracking = parts.redis.track(parts.prefixes, {
    invalidated: names => (names === null ? clear() : drop(names)),
    changed(change) {
      if (change.type === 'lost') copies.clear()
      if (change.type === 'denied') parts.denied(change.error)
    },
  })

  function untag(tag: string, key: string): void {
    const keys = byTag.get(tag)
    if (keys?.delete(key) && keys.size === 0) byTag.delete(tag)
  }

  function drop(names: readonly string[]): void {
    changes.add(names)
    for (const name of names) {
      copies.delete(name)
      const tagged = byTag.get(name)
      if (tagged) for (const key of [...tagged]) copies.delete(key)
    }
  }

  function clear(): void {
    changes.forget()
    copies.clear()
  }

  function isHeard(copy: Copy, key: string): boolean {
    const mark = tracking.mark(key)
    return mark === copy.mark && (mark !== undefined || tracking.denial(key) !== undefined)
  }

  /** How long a copy may be kept, in milliseconds; 0 for not at all. */
  function lifetimeOf(key: string, mark: number | undefined): number {
    if (mark !== undefined) return near.ttlMs
    return tracking.denial(key) === undefined ? 0 : Math.min(near.ttlMs, untrackedMs)
  }

  return {
    get(key) {
      const copy = copies.get(key)
      if (copy === undefined) return undefined
      if (clock.now() < copy.until && isHeard(copy, key) && freshness.age(copy.marks) === 'fresh') return copy
      copies.delete(key)
      return undefined
    },
    ask: key => ({ mark: tracking.mark(key), seen: changes.count }),
    keep({ mark, seen }, { key, tags }, opened, { stored, seen: answered }) {
      // What this process makes up for Redis is not kept twice.
      if (opened.is !== 'fresh' || answered === undefined || stored === null || stored === undefined) return
      const isUntouched = changes.untouched(key, seen) && tags.every(tag => changes.untouched(tag, seen))
      if (!isUntouched || tracking.mark(key) !== mark) return
      const ms = lifetimeOf(key, mark)
      if (ms === 0) return
      const bytes = key.length + stored.length
      const rest = { is: 'fresh', marks: opened.marks, mark, until: clock.now() + ms, tags, bytes } as const
      const isShared = near.frozen && freezeWhole(opened.value)
      copies.set(key, isShared ? { ...rest, value: opened.value } : decodedAnew(rest, stored))
      for (const tag of copies.has(key) ? tags : []) {
        const keys = byTag.get(tag)
        if (keys) keys.add(key)
        else byTag.set(tag, new Set([key]))
      }
    },
    drop,
    clear,
    get size() {
      return copies.size
    },
    close() {
      tracking.close()
      copies.clear()
    },
  }

  /** What could be changed by who reads it is made anew for each. */
  function decodedAnew(rest: Omit<Copy, 'value'>, stored: Stored): Copy {
    return {
      ...rest,
      get value() {
        return form.copy(copyOf(stored))
      },
    }
  }
}
