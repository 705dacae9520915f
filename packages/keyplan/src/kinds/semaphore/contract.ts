import type { CallOptions } from '../../base/call.ts'
import { collect } from '../../base/collect.ts'
import { type Duration, formatDuration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type { Holding } from '../../mechanisms/lease/employ.ts'
import type { Held } from '../../mechanisms/lease/held.ts'
import { type AcquireOptions, type LeaseRetry, retryOf } from '../../mechanisms/lease/patience.ts'
import { ttlOf } from '../../mechanisms/lease/ttl.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import { permitsOf, type SemaphoreSettings } from './settings.ts'

export interface SemaphoreOptions<Param extends string = string> extends NamespaceOptions<Param> {
  /** How many may be held at once, 1 to 1,000. `resize` changes it at run time. */
  permits: number
  /** How long a permit lives when its holder does not renew it, 100 ms to 7 days. After a crash it is missing this long. */
  ttl: Duration
  /** As of a lock: waiting ends after `attempts` × `delay`. Default: wait 10 s, polling every 250 ms. */
  retry?: LeaseRetry
  /** Renew at a third of the time to live for as long as it is held. Default: true. */
  renew?: boolean
}

export interface SemaphoreDeclaration<P extends string = string>
  extends Declaration<'semaphore', P, SemaphoreNamespace<P>> {
  readonly whenDown: 'fail'
  readonly options: SemaphoreSettings
}

/** `redis.<namespace>` of a semaphore. */
export type SemaphoreNamespace<P extends string = string> = (params: Params<P>) => Semaphore

export interface TryPermitOptions extends CallOptions {
  /** How many are taken, all of them or none. Default: 1. */
  permits?: number | undefined
}

export interface PermitOptions extends AcquireOptions, TryPermitOptions {}

/** One semaphore: so many may hold a permit of it at a time, by its key. */
export interface Semaphore {
  /**
   * Asks once.
   *
   * @returns undefined when not enough permits are free
   * @throws KeyplanError PARAM_INVALID when more are wanted than there are; when Redis cannot be asked
   */
  tryAcquire(options?: TryPermitOptions): Promise<Held | undefined>
  /**
   * Waits for permits: callers of one process in the order they came, so who wants many is not overtaken by who wants
   * few; processes by notice of release and by polling.
   *
   * @returns undefined when not enough came free in time
   * @throws KeyplanError ABORTED, CLOSED, or as `tryAcquire`
   */
  acquire(options?: PermitOptions): Promise<Held | undefined>
  /**
   * Does the work while holding permits and gives them back in all cases. The signal fires when they are lost, or when the
   * caller's own does. The options bound the wait for them, not the work.
   *
   * @returns what the work returns
   * @throws KeyplanError LOCK_BUSY when not enough came free in time; as `acquire`; and whatever the work throws
   */
  run<T>(work: (held: Holding) => T | Promise<T>, options?: PermitOptions): Promise<T>
  inspect(options?: CallOptions): Promise<SemaphoreState>
  /**
   * Sets how many permits there are, for all processes, in place of the declared number; undefined goes back to that. Who
   * holds one keeps it: after a smaller number none is given out until fewer are held. It is forgotten when none was
   * acquired for 30 days, or when the server loses its data.
   *
   * @throws KeyplanError PARAM_INVALID; when Redis cannot be asked
   */
  resize(permits: number | undefined, options?: CallOptions): Promise<void>
}

export interface SemaphoreState {
  /** How many there are. */
  readonly permits: number
  /** More than there are for a time after `resize` made it fewer. */
  readonly held: number
  readonly free: number
  /** Of each permit that is held, milliseconds until it comes free if nobody renews it; those that end first in front. */
  readonly remainingMs: readonly number[]
}

const ownOptions: Readonly<Record<Exclude<keyof SemaphoreOptions, keyof NamespaceOptions>, true>> = {
  permits: true,
  ttl: true,
  retry: true,
  renew: true,
}

/**
 * Declares a semaphore: `semaphore('sem:render:<tenant>', { permits: 5, ttl: '30s' })`.
 *
 * It bounds as long as one server keeps its data and its clock: an eviction, a FLUSHALL or a failover that loses the last
 * writes can let more in.
 */
export function semaphore<const P extends string>(
  pattern: P,
  options: SemaphoreOptions<ParamName<P>>,
): SemaphoreDeclaration<P> {
  const { permits, ttl, retry, renew = true, ...common } = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const most = collect(problems, () => permitsOf(permits), 1)
  const ttlMs = collect(problems, () => ttlOf(ttl, 'permit'), 1_000)
  if (retry !== undefined) problems.push(...groupProblems(retry, 'retry', ['attempts', 'delay']))
  const patience = retry && collect(problems, () => retryOf(retry, 'retry.'), undefined)
  if (typeof renew !== 'boolean') problems.push(`renew is ${shown(renew)}; write true or false`)
  return {
    kind: 'semaphore',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: 'fail',
    common,
    options: { permits: most, ttlMs, retry: patience, renew },
    facts: {
      permits: most,
      ttl: formatDuration(ttlMs),
      renew,
      retry: patience ? { attempts: patience.attempts, delay: formatDuration(patience.delayMs) } : null,
    },
    problems,
  }
}
