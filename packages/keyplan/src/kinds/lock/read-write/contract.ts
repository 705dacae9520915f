import type { Duration } from '../../../base/duration.ts'
import type { Held } from '../../../mechanisms/lease/held.ts'
import type { AcquireOptions } from '../../../mechanisms/lease/patience.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../../plan/declaration.ts'
import type { ParamName, Params } from '../../../plan/params.ts'
import type { Lock, LockOptions } from '../contract.ts'
import { factsOf, type LockSettings, settingsOf } from '../settings.ts'

export interface ReadWriteLockOptions<Param extends string = string> extends NamespaceOptions<Param> {
  /** How long a reader or the writer has it unless it is renewed, 100 ms to 7 days, each for itself. */
  ttl: Duration
  /** As of a `lock`. */
  retry?: LockOptions['retry']
  /** Renew at a third of the time to live for as long as it is held. Default: true. */
  renew?: boolean
}

export interface ReadWriteLockDeclaration<P extends string = string>
  extends Declaration<'readWriteLock', P, ReadWriteLockNamespace<P>> {
  readonly options: LockSettings
}

/** `redis.<namespace>` of a read-write lock. */
export type ReadWriteLockNamespace<P extends string = string> = (params: Params<P>) => ReadWriteLock

/** Many readers or one writer. Who waits stands in one line: a reader that comes after a waiting writer waits behind it. */
export interface ReadWriteLock {
  readonly read: ReadLock
  readonly write: WriteLock
}

/** A lock that readers keep out, too. Offices and intervals are for a `lock`. */
export type WriteLock = Omit<Lock, 'lead' | 'oncePer'>

/** A lock of which many may have their share at once. Its holders have no fence, since readers change nothing. */
export interface ReadLock extends Omit<WriteLock, 'tryAcquire' | 'acquire' | 'run'> {
  tryAcquire(...args: Parameters<Lock['tryAcquire']>): Promise<HeldShare | undefined>
  acquire(options?: AcquireOptions): Promise<HeldShare | undefined>
  run<T>(work: (held: Pick<HeldShare, 'signal'>) => T | Promise<T>, options?: AcquireOptions): Promise<T>
}

export type HeldShare = Omit<Held, 'fence' | 'degraded'>

const ownOptions: Readonly<Record<Exclude<keyof ReadWriteLockOptions, keyof NamespaceOptions>, true>> = {
  ttl: true,
  retry: true,
  renew: true,
}

/**
 * Declares a read-write lock: `readWriteLock('report:<reportId>', { ttl: '15s' })`, then
 * `redis.report({ reportId }).read.run(…)` and `.write.run(…)`.
 *
 * It promises what a `lock` does, and nothing more: what must not suffer from a late writer compares `fence`. Where Redis
 * cannot be asked it rejects.
 */
export function readWriteLock<const P extends string>(
  pattern: P,
  options: ReadWriteLockOptions<ParamName<P>>,
): ReadWriteLockDeclaration<P> {
  const { ttl, retry, renew = true, ...common } = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = settingsOf({ ttl, retry, renew }, problems)
  return {
    kind: 'readWriteLock',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: 'fail',
    common,
    options: settings,
    facts: factsOf(settings),
    problems,
  }
}
