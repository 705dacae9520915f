import { checkOptions } from '../../../base/call.ts'
import { guarded } from '../../../guard/guarded.ts'
import { checkWork } from '../../../mechanisms/lease/employ.ts'
import { createLeases } from '../../../mechanisms/lease/leases.ts'
import type { AcquireOptions } from '../../../mechanisms/lease/patience.ts'
import { redisWake } from '../../../mechanisms/wake.ts'
import type { Opened, Server, Surroundings } from '../../kind.ts'
import type { LockNamespace, QuorumLock } from '../contract.ts'
import { createLeadership } from '../leadership.ts'
import type { LockNames } from '../names.ts'
import type { LockSettings, QuorumSettings } from '../settings.ts'
import { createMember, memberOperations } from './member.ts'
import { quorumSteps } from './steps.ts'

/** Locks that most of several servers vote for. */
export function openQuorumLocks(
  { ttlMs, renew, retry }: LockSettings,
  { restMs }: QuorumSettings,
  servers: readonly Pick<Server, 'redis' | 'guard'>[],
  names: LockNames,
  surroundings: Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'notify'>,
): Opened<LockNamespace<string, true>> {
  const { name, pattern, clock, notify } = surroundings
  const members = servers.map(({ redis, guard }) =>
    guarded(name, createMember(redis, names, restMs, clock), memberOperations, guard),
  )
  const wakes = servers.map(({ redis }) => redisWake(redis))
  const steps = quorumSteps(members, ttlMs, name, clock)
  const leases = createLeases(
    {
      noun: 'lock',
      ttlMs,
      renew,
      retry,
      steps,
      busy: () => `The lock ${name} is held by another and did not come free`,
      listen: (key, notice) => wakes.map(wake => wake.listen(names.freed(key), notice)),
    },
    surroundings,
  )

  function open(key: string): QuorumLock {
    const wanted = { key }
    const inspect: QuorumLock['inspect'] = async (options = {}) => {
      checkOptions(options)
      return steps.inspect(options, key)
    }
    return {
      tryAcquire: (options = {}) => leases.tryAcquire(wanted, options),
      acquire: (options = {}) => leases.acquire(wanted, options),
      run: (work, options = {}) => leases.run(wanted, work, options),
      lead(work, options = {}) {
        checkWork(work, 'lead', pattern)
        checkOptions(options, ['rest'])
        const acquire = (terms: AcquireOptions) => leases.acquire(wanted, terms)
        return createLeadership({ namespace: name, key, clock, acquire, notify }, work, options)
      },
      isLocked: async options => (await inspect(options)).locked,
      inspect,
    }
  }

  return { client: params => open(pattern.format(params)), figures: leases.figures, close: leases.close }
}
