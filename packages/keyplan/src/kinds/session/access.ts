import type { CallOptions } from '../../base/call.ts'
import type { Reads } from './reads.ts'
import { isTrace, recordOf, type SessionRecord } from './record.ts'
import type { Reading } from './store.ts'

/** A session as it lies at its key. */
export interface Found {
  readonly key: string
  readonly record: SessionRecord
  readonly degraded: boolean
}

/** Finds what an id leads to. */
export interface Access {
  find(key: string, touch: boolean, options?: CallOptions): Promise<Found | undefined>
  /** What a reading of a key shows; led on when the session has a new id and the old one leads there. */
  shown(
    reading: Reading,
    key: string,
    touch: boolean,
    options: CallOptions | undefined,
  ): Found | undefined | Promise<Found | undefined>
}

/** So many rotations within one grace are followed. */
export const mostHops = 4

/** @param used is told of each session whose use was just noted */
export function createAccess(reads: Pick<Reads, 'one'>, used: (found: Found) => void): Access {
  function shown(
    reading: Reading,
    key: string,
    touch: boolean,
    options: CallOptions | undefined,
    hops = 0,
  ): Found | undefined | Promise<Found | undefined> {
    if (reading.raw === null) return undefined
    const record = recordOf(reading.raw)
    if (!isTrace(record)) {
      const found = { key, record, degraded: reading.degraded === true }
      if (reading.touched) used(found)
      return found
    }
    if (!record.leads || record.to === undefined || hops === mostHops) return undefined
    return reads.one(record.to, touch, options, (next, to) => shown(next, to, touch, options, hops + 1))
  }
  return {
    shown,
    find: (key, touch, options) => reads.one(key, touch, options, reading => shown(reading, key, touch, options)),
  }
}
