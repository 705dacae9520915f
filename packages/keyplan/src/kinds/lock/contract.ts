import type { Duration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { LeaseFigures } from '../../mechanisms/lease/custody.ts'
import type { Held } from '../../mechanisms/lease/held.ts'
import type { AcquireOptions, LeaseRetry } from '../../mechanisms/lease/patience.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName } from '../../plan/params.ts'
import type { Leadership, LeadOptions, Term } from './leadership.ts'
import type { LockNamespace } from './lock.ts'
import type { IntervalRun, OncePerOptions, OncePerResult } from './once-per.ts'
import { type ConfirmOptions, confirmOf, factsOf, type LockSettings, quorumOf, settingsOf } from './settings.ts'

export type * from './lock.ts'
export type {
  AcquireOptions,
  ConfirmOptions,
  Held,
  IntervalRun,
  Leadership,
  LeadOptions,
  LeaseFigures,
  LeaseRetry as LockRetry,
  OncePerOptions,
  OncePerResult,
  Term,
}

/** Whether a lock is voted for by `servers.quorum`, and on which terms. */
export type QuorumChoice = boolean | QuorumOptions

export interface QuorumOptions {
  /**
   * A server that was started less than this long ago has no vote: one that lost its data in a crash cannot give what it
   * gave before. As long as the longest `ttl` of locks that are held. Default: none, for servers that keep what they said yes to.
   */
  restartDelay?: Duration | undefined
}

export interface LockOptions<Param extends string = string, Quorum extends QuorumChoice = QuorumChoice>
  extends NamespaceOptions<Param> {
  /** How long it lives when its holder does not renew it, 100 ms to 7 days. After a crash others wait this long. */
  ttl: Duration
  /**
   * Waiting ends after `attempts` × `delay`, and `delay` is the poll interval; a notice of release is still followed
   * at once. Default: wait 10 s, polling every 250 ms.
   */
  retry?: LeaseRetry
  /**
   * What happens when Redis cannot be asked. `fail` (default) rejects. `local` takes the lock in this process alone,
   * marks it `degraded` and gives notice once: other processes are not excluded.
   */
  whenDown?: 'fail' | 'local'
  /** Renew at a third of the time to live for as long as it is held. Default: true. */
  renew?: boolean
  /**
   * Held by the votes of most of the servers in `servers.quorum`, which know nothing of each other, in place of the one
   * server. Needs `whenDown: 'fail'`. Default: false.
   */
  quorum?: Quorum
  /**
   * A lock counts as acquired only when so many replicas have it; otherwise it is given back, and was not acquired. It then
   * survives a failover to one of them. Costs a wait on a link of its own, of which there are eight at most. Default: off.
   */
  confirm?: ConfirmOptions
}

export interface LockDeclaration<P extends string = string, Quorum extends QuorumChoice = false>
  extends Declaration<'lock', P, LockNamespace<P, Quorum>> {
  readonly whenDown: 'fail' | 'local'
  readonly options: LockSettings
}

const ownOptions: Readonly<Record<Exclude<keyof LockOptions, keyof NamespaceOptions>, true>> = {
  ttl: true,
  retry: true,
  whenDown: true,
  renew: true,
  quorum: true,
  confirm: true,
}

/**
 * Declares a lock: `lock('locks:report:<reportId>', { ttl: '15s' })`.
 *
 * It excludes as long as one server keeps its data and its clock: an eviction, a FLUSHALL or a failover that loses the
 * last writes can let a second holder in. What must not suffer from that compares `fence`.
 */
export function lock<const P extends string, const Quorum extends QuorumChoice = false>(
  pattern: P,
  options: LockOptions<ParamName<P>, Quorum>,
): LockDeclaration<P, Quorum> {
  const { ttl, retry, whenDown = 'fail', renew = true, quorum, confirm, ...common } = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = {
    ...settingsOf({ ttl, retry, renew }, problems),
    quorum: quorumOf(quorum, problems),
    confirm: confirmOf(confirm, problems),
  }
  if (whenDown !== 'fail' && whenDown !== 'local') {
    problems.push(`whenDown is ${shown(whenDown)}; use 'fail' or 'local'`)
  }
  if (settings.quorum && whenDown === 'local') {
    problems.push("quorum needs whenDown: 'fail': a process that asks nobody has no majority")
  }
  if (settings.quorum && settings.confirm) {
    problems.push('confirm waits for the replicas of one server, and those of a quorum have none; leave it out')
  }
  return {
    kind: 'lock',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown,
    common,
    options: settings,
    facts: { ...factsOf(settings), quorum: settings.quorum !== undefined },
    problems,
  }
}
