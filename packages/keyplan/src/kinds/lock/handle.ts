import { type CallOptions, checkOptions } from '../../base/call.ts'
import type { Duration } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { keyMark } from '../../base/key-mark.ts'
import { checkWork, type Holding } from '../../mechanisms/lease/employ.ts'
import { createLeases } from '../../mechanisms/lease/leases.ts'
import type { AcquireOptions } from '../../mechanisms/lease/patience.ts'
import type { Wanted } from '../../mechanisms/lease/steps.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { ForceOptions, Lock, LockInspection, LockNamespace } from './contract.ts'
import { isOf, type LockStores, lockCustody } from './custody.ts'
import { createInbox, type Hearing } from './inbox.ts'
import { createLeadership, type LeadOptions, type Term } from './leadership.ts'
import { type IntervalRun, type OncePerOptions, type OncePerResult, oncePer } from './once-per.ts'
import type { LockSettings } from './settings.ts'
import { openSet } from './several.ts'
import type { LockView } from './store.ts'
import { createTrips } from './trips.ts'

const longestReason = 200

/** Most locks of one `all`. */
const mostAtOnce = 100

/** `hearings` are where this process is told of its turns. */
export function openLocks(
  settings: LockSettings,
  stores: LockStores,
  hearings: readonly Hearing[],
  surroundings: Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'server' | 'notify'>,
): Opened<LockNamespace> {
  const { name, pattern, clock, server, notify } = surroundings
  const trips = createTrips(stores.main, settings.ttlMs, server?.lane)
  const custody = lockCustody(settings, stores, trips, surroundings)
  const leases = createLeases(
    {
      ...custody,
      began(request, held) {
        custody.began?.(request, held)
        // Who holds it is told when it is taken by force.
        inbox.open()
      },
      retry: settings.retry,
      access: stores.shared ? 'all' : 'one',
      busy: name => `The lock ${name} is held by another and did not come free`,
      listen() {
        inbox.open()
        return []
      },
      hears: () => server === undefined || inbox.heard,
    },
    surroundings,
  )
  const inbox = createInbox(hearings, {
    ring: leases.ring,
    leave: leases.leave,
    forced(key, fence) {
      for (const [place, held] of stores.holding) {
        if (isOf(place, key) && String(held.fence) === fence) held.lose('it was released by force')
      }
    },
  })

  function checkShared(verb: string) {
    if (stores.intervals) return stores.intervals
    const needs = "all processes to agree on one holder: a lock that is declared by lock() with whenDown: 'fail'"
    throw new KeyplanError('PARAM_INVALID', `${verb}() needs ${needs}; ${name} is none`)
  }

  /** A store in this process knows of no line: what waits here is all there is. */
  function seen(key: string, { waiters, ...view }: LockView): LockInspection {
    return { ...view, waiters: Math.max(waiters, server ? 0 : leases.waiting(key)) }
  }

  async function inspect(options: CallOptions, key: string): Promise<LockInspection> {
    checkOptions(options)
    trips.flush()
    return seen(key, await stores.main.inspect(options, key))
  }

  async function forceRelease(options: ForceOptions, key: string): Promise<LockInspection> {
    checkOptions(options, ['reason'] satisfies (keyof ForceOptions)[])
    const reason: unknown = options?.reason
    if (typeof reason !== 'string' || reason.length === 0 || reason.length > longestReason) {
      throw new KeyplanError(
        'PARAM_INVALID',
        `reason is ${shown(reason)}; say why '${pattern.source}' is released by force, in up to ${longestReason} characters`,
      )
    }
    const { signal, deadline } = options
    trips.flush()
    const was = seen(key, await stores.main.force({ signal, deadline }, key))
    if (was.locked) notify({ type: 'lock-forced', namespace: name, mark: keyMark(key), reason, holder: was.holder })
    return was
  }

  /** A class, since one is made for every address and its methods must not be. */
  class OneLock implements Lock {
    private readonly wanted: Wanted
    constructor(key: string) {
      this.wanted = { key }
    }
    tryAcquire(options: CallOptions = {}) {
      return leases.tryAcquire(this.wanted, options)
    }
    acquire(options: AcquireOptions = {}) {
      return leases.acquire(this.wanted, options)
    }
    run<T>(work: (held: Holding) => T | Promise<T>, options: AcquireOptions = {}) {
      return leases.run(this.wanted, work, options)
    }
    lead(work: Term, options: LeadOptions = {}) {
      checkShared('lead')
      checkWork(work, 'lead', pattern)
      checkOptions(options, ['rest'])
      const acquire = (terms: AcquireOptions) => leases.acquire(this.wanted, terms)
      return createLeadership({ namespace: name, key: this.wanted.key, clock, acquire, notify }, work, options)
    }
    async oncePer<T>(
      interval: Duration,
      work: (run: IntervalRun) => T | Promise<T>,
      options: OncePerOptions = {},
    ): Promise<OncePerResult<T>> {
      const intervals = checkShared('oncePer')
      checkWork(work, 'oncePer', pattern)
      checkOptions(options, ['onCrash'])
      const tryAcquire = (terms: CallOptions) => leases.tryAcquire(this.wanted, terms)
      return oncePer({ namespace: name, intervals, tryAcquire, notify }, this.wanted.key, interval, work, options)
    }
    async isLocked(options: CallOptions = {}) {
      return (await inspect(options, this.wanted.key)).locked
    }
    async inspect(options: CallOptions = {}) {
      return inspect(options, this.wanted.key)
    }
    forceRelease(options: ForceOptions) {
      return forceRelease(options, this.wanted.key)
    }
  }

  return {
    client: Object.assign((params: ParamValues): Lock => new OneLock(pattern.format(params)), {
      all(list: readonly ParamValues[]) {
        if (!Array.isArray(list) || list.length === 0 || list.length > mostAtOnce) {
          const given = Array.isArray(list) ? `${list.length} params` : kindOf(list)
          const remedy = `give it an array of 1 to ${mostAtOnce}`
          throw new KeyplanError('PARAM_INVALID', `all() of '${pattern.source}' was given ${given}; ${remedy}`)
        }
        const keys = list.map(params => pattern.format(params))
        return openSet({ namespace: name, pattern, clock, retry: settings.retry, leases }, keys)
      },
    }),
    figures: leases.figures,
    async close() {
      const closing = leases.close()
      inbox.close()
      await closing
    },
  }
}
