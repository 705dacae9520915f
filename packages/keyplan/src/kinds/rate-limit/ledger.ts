import { KeyplanError } from '../../base/error.ts'
import type { Entry } from './algorithm.ts'
import type { BlockRecord } from './block-policy.ts'

/** How many of the entries that were written longest ago are looked at for one that has expired. */
const lookedAt = 16

/** A full ledger looks through all its entries at most this often. */
const sweepMs = 1_000

/**
 * What this process counts by itself. When `maxEntries` keys are counted, a new one takes the place of those that have
 * expired; where none has, it is refused: to forget one would allow what it has denied.
 */
export interface Ledger {
  readonly size: number
  get(key: string, now: number): Entry | undefined
  /** Whether there is room for so many keys more. */
  hasRoom(now: number, more: number): boolean
  has(key: string): boolean
  set(key: string, entry: Entry | undefined): void
  block(key: string, now: number): BlockRecord | undefined
  /** False when there is no room for it. */
  setBlock(key: string, record: BlockRecord, forgottenAt: number, now: number): boolean
  forget(key: string): void
}

export function createLedger(maxEntries = 100_000): Ledger {
  /** In the order of writing. */
  const entries = new Map<string, Entry>()
  const blocks = new Map<string, { readonly record: BlockRecord; readonly until: number }>()
  let sweptAt = Number.NEGATIVE_INFINITY

  function dropExpired(among: Map<string, { readonly until: number }>, now: number, most: number): void {
    let looks = 0
    for (const [key, { until }] of among) {
      if (until <= now) among.delete(key)
      if (++looks === most) return
    }
  }

  return {
    get size() {
      return entries.size
    },
    get(key, now) {
      const found = entries.get(key)
      return found && found.until > now ? found : undefined
    },
    has: key => entries.has(key),
    hasRoom(now, more) {
      const full = () => entries.size + more > maxEntries
      if (full()) dropExpired(entries, now, lookedAt)
      if (full() && now - sweptAt >= sweepMs) {
        sweptAt = now
        dropExpired(entries, now, maxEntries)
      }
      return !full()
    },
    set(key, entry) {
      entries.delete(key)
      if (entry) entries.set(key, entry)
    },
    block(key, now) {
      const found = blocks.get(key)
      return found && found.until > now ? found.record : undefined
    },
    setBlock(key, record, until, now) {
      blocks.delete(key)
      if (blocks.size >= maxEntries) dropExpired(blocks, now, lookedAt)
      if (blocks.size >= maxEntries) return false
      blocks.set(key, { record, until })
      return true
    },
    forget(key) {
      entries.delete(key)
      blocks.delete(key)
    },
  }
}

export const tooMany = (size: number) =>
  new KeyplanError('OVERLOADED', `This process already counts ${size} limits in memory`, { outcome: 'not-executed' })
