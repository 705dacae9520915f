import { type CallOptions, checkOptions } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import { checkWork } from '../../mechanisms/lease/employ.ts'
import { createLeases } from '../../mechanisms/lease/leases.ts'
import type { AcquireOptions } from '../../mechanisms/lease/patience.ts'
import type { Wake } from '../../mechanisms/wake.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { Lock, LockNamespace } from './contract.ts'
import { type LockStores, lockCustody } from './custody.ts'
import { createLeadership } from './leadership.ts'
import type { LockNames } from './names.ts'
import { oncePer } from './once-per.ts'
import type { LockSettings } from './settings.ts'
import { createTrips } from './trips.ts'

/** `wakes` are where notices of release are heard. */
export function openLocks(
  settings: LockSettings,
  stores: LockStores,
  wakes: readonly Wake[],
  names: LockNames,
  surroundings: Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'server' | 'notify'>,
): Opened<LockNamespace> {
  const { name, pattern, clock, server, notify } = surroundings
  const trips = createTrips(stores.main, settings.ttlMs, server?.lane)
  const custody = lockCustody(settings, stores, trips, surroundings)
  const leases = createLeases(
    {
      ...custody,
      retry: settings.retry,
      busy: name => `The lock ${name} is held by another and did not come free`,
      wakes,
      channel: names.wake,
    },
    surroundings,
  )

  function checkShared(verb: string) {
    if (stores.intervals) return stores.intervals
    throw new KeyplanError(
      'PARAM_INVALID',
      `${verb}() needs all processes to agree, and ${name} is declared with whenDown: 'local'; declare 'fail'`,
    )
  }

  function open(key: string): Lock {
    const wanted = { key }
    const inspect: Lock['inspect'] = async (options = {}) => {
      checkOptions(options)
      trips.flush()
      return stores.main.inspect(options, key)
    }
    return {
      tryAcquire: (options = {}) => leases.tryAcquire(wanted, options),
      acquire: (options = {}) => leases.acquire(wanted, options),
      run: (work, options = {}) => leases.run(wanted, work, options),
      lead(work, options = {}) {
        checkShared('lead')
        checkWork(work, 'lead', pattern)
        checkOptions(options, ['rest'])
        const acquire = (terms: AcquireOptions) => leases.acquire(wanted, terms)
        return createLeadership({ namespace: name, clock, acquire, notify }, work, options)
      },
      async oncePer(interval, work, options = {}) {
        const intervals = checkShared('oncePer')
        checkWork(work, 'oncePer', pattern)
        checkOptions(options, ['onCrash'])
        const tryAcquire = (terms: CallOptions) => leases.tryAcquire(wanted, terms)
        return oncePer({ namespace: name, intervals, tryAcquire, notify }, key, interval, work, options)
      },
      isLocked: async options => (await inspect(options)).locked,
      inspect,
    }
  }

  return { client: params => open(pattern.format(params)), figures: leases.figures, close: leases.close }
}
