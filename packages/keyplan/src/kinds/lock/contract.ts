import type { Call, CallOptions } from '../../base/call.ts'
import { type Duration, formatDuration } from '../../base/duration.ts'
import { isKeyplanError, type KeyplanError, kindOf } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Declaration, NamespaceOptions } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import type { Claim } from './claim.ts'
import { type LockRetry, type LockSettings, retryOf, ttlOf } from './settings.ts'

export interface LockOptions<Param extends string = string> extends NamespaceOptions<Param> {
  /** How long it lives when its holder does not renew it, 100 ms to 7 days. After a crash others wait this long. */
  ttl: Duration
  /**
   * Waiting ends after `attempts` × `delay`, and `delay` is the poll interval; a notice of release is still followed
   * at once. Default: wait 10 s, polling every 250 ms.
   */
  retry?: LockRetry
  /**
   * What happens when Redis cannot be asked. `fail` (default) rejects. `local` takes the lock in this process alone,
   * marks it `degraded` and gives notice once: other processes are not excluded.
   */
  whenDown?: 'fail' | 'local'
  /** Renew at a third of the time to live for as long as it is held. Default: true. */
  renew?: boolean
}

export interface LockDeclaration<P extends string = string> extends Declaration<'lock', P, LockNamespace<P>> {
  readonly whenDown: 'fail' | 'local'
  readonly options: LockSettings
}

/** `redis.<namespace>` of a lock. */
export type LockNamespace<P extends string = string> = (params: Params<P>) => Lock

export interface AcquireOptions extends CallOptions {
  /** Overrides the declared number of attempts. */
  attempts?: number | undefined
  /** Overrides the declared delay between them. */
  delay?: Duration | undefined
  /** The longest wait for another holder to let go. Default: `attempts` × `delay`, else `deadline`, else 10 s. */
  wait?: Duration | undefined
}

/** One lock: the right of one caller at a time, by its key. */
export interface Lock {
  /**
   * Asks once.
   *
   * @returns undefined when another holds it
   * @throws KeyplanError when Redis cannot be asked and `whenDown` is `fail`
   */
  tryAcquire(options?: CallOptions): Promise<Held | undefined>
  /**
   * Waits for it: callers of one process in the order they came, processes by notice of release and by polling.
   *
   * @returns undefined when it did not come free in time
   * @throws KeyplanError ABORTED, CLOSED, or as `tryAcquire`
   */
  acquire(options?: AcquireOptions): Promise<Held | undefined>
  /**
   * Does the work while holding the lock and lets go of it in all cases. The signal fires when the lock is lost, or
   * when the caller's own does. The options bound the wait for the lock, not the work. A release that fails is a notice, never an error: the lock ends with its time to live.
   *
   * @returns what the work returns
   * @throws KeyplanError LOCK_BUSY when it did not come free in time; as `acquire`; and whatever the work throws
   */
  run<T>(
    work: (held: Pick<Held, 'signal' | 'fence' | 'degraded'>) => T | Promise<T>,
    options?: AcquireOptions,
  ): Promise<T>
  isLocked(options?: CallOptions): Promise<boolean>
  inspect(options?: CallOptions): Promise<LockState>
}

export interface LockState {
  readonly locked: boolean
  /** Milliseconds until it comes free if nobody renews it. Undefined when free, or when it never expires. */
  readonly remainingMs: number | undefined
}

/** A lock that is held. It is renewed until it is released or lost. */
export interface Held extends AsyncDisposable {
  /** Grows with every acquisition. A resource that refuses smaller fences than it has seen is safe from late holders. */
  readonly fence: bigint
  /** Held in this process alone, because Redis could not be asked. */
  readonly degraded: boolean
  /**
   * Fires with LOCK_LOST when the lock is known to be lost, or when it could not be renewed until a tenth of its time
   * to live was left. In a process whose event loop was blocked `remaining()` knows first.
   */
  readonly signal: AbortSignal
  /** Milliseconds for which it is certainly still held, by the monotonic clock. 0 when released or lost. */
  remaining(): number
  /**
   * Sets the time to live anew, for later renewals too. Default: the declared one.
   *
   * @returns false when it is not held any more
   * @throws KeyplanError when Redis cannot be asked
   */
  extend(ttl?: Duration): Promise<boolean>
  /**
   * @returns false when there was nothing to release: it was lost or released before, or an earlier try of this call
   * whose reply was lost has done it
   * @throws KeyplanError when Redis cannot be asked; the release then goes on in the background
   */
  release(): Promise<boolean>
}

/** What a store answers to an acquire. */
export type Acquisition =
  | {
      readonly granted: true
      /** Decimal. */
      readonly fence: string
      /** Reading of the monotonic clock until which it is certainly held. */
      readonly until: number
      readonly degraded: boolean
    }
  | {
      readonly granted: false
      /** How long the holder still has, in milliseconds. Undefined when that is not known. */
      readonly remainingMs: number | undefined
    }

/** One lock of many. */
export interface LockRequest {
  readonly key: string
  readonly claim: Claim
}

/** Each step is atomic. */
export interface LockStore {
  /**
   * Takes a free lock for the claim's owner.
   * An owner who already has it gets the same fence and a full time to live: that is no second acquisition.
   * The fence is larger than that of every earlier acquisition of this key.
   * A request that arrives after its call has expired is refused: it never takes the lock.
   */
  acquire(call: Call, key: string, claim: Claim, ttlMs: number): Promise<Acquisition>
  /** `acquire` for each of many, in order; the error of one concerns it alone. */
  acquireMany(
    call: Call,
    requests: readonly LockRequest[],
    ttlMs: number,
  ): Promise<readonly (Acquisition | KeyplanError)[]>
  /** Sets the owner's time to live; a reading of the clock until which it is certainly held, or undefined: not the owner. */
  extend(call: Call, key: string, claim: Claim, ttlMs: number): Promise<number | undefined>
  /** Frees the lock and wakes who waits, if the owner has it. Works at maxmemory. */
  release(call: Call, key: string, claim: Claim): Promise<boolean>
  /** `release` for each of many. */
  releaseMany(call: Call, requests: readonly LockRequest[]): Promise<readonly (boolean | KeyplanError)[]>
  /**
   * Undoes acquires of the claim whose outcome is unknown. 0: the owner does not hold the lock and never will.
   * Otherwise the milliseconds after which to withdraw again, since a request may still be on its way.
   */
  withdraw(call: Call, key: string, claim: Claim): Promise<number>
  /** Whether anyone holds it. */
  inspect(call: Call, key: string): Promise<LockState>
}

export const lockOperations: Operations<LockStore> = {
  // Before this process goes on alone (`whenDown: 'local'`) it gives a link that just broke time to come back.
  acquire: { idempotent: true, write: true, attempt: 500, hold: true },
  acquireMany: { idempotent: true, write: true, attempt: 500, hold: true },
  extend: { idempotent: true, write: true },
  release: { idempotent: true, write: true },
  releaseMany: { idempotent: true, write: true },
  withdraw: { idempotent: true, write: true },
  inspect: { idempotent: true, write: false },
}

/**
 * Declares a lock: `lock('locks:report:<reportId>', { ttl: '15s' })`.
 *
 * It excludes as long as one server keeps its data and its clock: an eviction, a FLUSHALL or a failover that loses the
 * last writes can let a second holder in. What must not suffer from that compares `fence`.
 */
export function lock<const P extends string>(pattern: P, options: LockOptions<ParamName<P>>): LockDeclaration<P> {
  const { ttl, retry, whenDown = 'fail', renew = true, ...common } = options
  const problems: string[] = []
  const checked = <T>(read: () => T, otherwise: T): T => {
    try {
      return read()
    } catch (error) {
      if (!isKeyplanError(error)) throw error
      problems.push(error.message)
      return otherwise
    }
  }
  const ttlMs = checked(() => ttlOf(ttl), 1_000)
  const settings: LockSettings = { ttlMs, retry: retry && checked(() => retryOf(retry), undefined), renew }
  if (whenDown !== 'fail' && whenDown !== 'local')
    problems.push(`whenDown is ${kindOf(whenDown)}; use 'fail' or 'local'`)
  return {
    kind: 'lock',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown,
    common,
    options: settings,
    facts: {
      ttl: formatDuration(ttlMs),
      renew,
      retry: settings.retry
        ? { attempts: settings.retry.attempts, delay: formatDuration(settings.retry.delayMs) }
        : null,
    },
    problems,
  }
}
