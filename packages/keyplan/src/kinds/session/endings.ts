import type { CallOptions } from '../../base/call.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { type Found, mostHops } from './access.ts'
import { isTrace, recordOf, traceText } from './record.ts'
import type { Ending, SessionStore } from './store.ts'

/** Ends sessions. */
export interface Endings {
  /** Ends a session that was found, if it is still the same user's. */
  end(found: Found, options?: CallOptions): Promise<boolean>
  /** Ends whatever session a key leads to; gives what it was. */
  endAt(key: string, options?: CallOptions): Promise<Found | undefined>
}

/** What is left of a session that ended stays for so long: longer than any write that is under way. */
const traceMs = 3_600_000

/** @param now on the clock of the server that has the key */
export function endingOf(now: number, version: number | undefined): Ending {
  return { version, trace: traceText({ ended: now }), keepMs: traceMs }
}

/** The old id of a session that moved: it leads to the new one for the grace, or nowhere. */
export function movingOf(now: number, version: number, to: string, graceMs: number): Ending {
  if (graceMs > 0) return { version, trace: traceText({ ended: now, to, leads: true }), keepMs: graceMs }
  return { version, trace: traceText({ ended: now, to }), keepMs: traceMs }
}

export function createEndings(steps: Pick<Guarded<SessionStore>, 'end'>, time: (key: string) => number): Endings {
  return {
    async end({ key, record }, options) {
      for (let version = record.version; ; ) {
        const ended = await steps.end(options, key, endingOf(time(key), version))
        if (ended.is === 'ended') return true
        const there = ended.raw === null ? undefined : recordOf(ended.raw)
        // Somebody has written to it meanwhile.
        if (!there || isTrace(there) || there.user !== record.user) return false
        version = there.version
      }
    },
    async endAt(first, options) {
      for (let key = first, hops = 0; hops <= mostHops; hops++) {
        const ended = await steps.end(options, key, endingOf(time(key), undefined))
        if (ended.raw === null) return undefined
        const record = recordOf(ended.raw)
        if (!isTrace(record)) return { key, record, degraded: false }
        // The old id of a session that moved still leads to it, so it ends it, too.
        if (!record.leads || record.to === undefined) return undefined
        key = record.to
      }
      return undefined
    },
  }
}
