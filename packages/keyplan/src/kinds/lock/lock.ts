import type { CallOptions } from '../../base/call.ts'
import type { Duration } from '../../base/duration.ts'
import type { Holding } from '../../mechanisms/lease/employ.ts'
import type { Held } from '../../mechanisms/lease/held.ts'
import type { Holder } from '../../mechanisms/lease/holder.ts'
import type { AcquireOptions } from '../../mechanisms/lease/patience.ts'
import type { Params } from '../../plan/params.ts'
import type { QuorumChoice } from './contract.ts'
import type { Leadership, LeadOptions, Term } from './leadership.ts'
import type { IntervalRun, OncePerOptions, OncePerResult } from './once-per.ts'

/** `redis.<namespace>` of a lock. */
export type LockNamespace<P extends string = string, Quorum extends QuorumChoice = false> = Quorum extends false
  ? SingleLocks<P>
  : (params: Params<P>) => QuorumLock

/** Locks that one server decides on. */
export interface SingleLocks<P extends string = string> {
  (params: Params<P>): Lock
  /**
   * Several locks, 1 to 100, all or none: `redis.account.all([{ id: from }, { id: to }]).run(…)`. What is free is taken in one
   * round trip for each server; who waits for one waits in the order of the keys, so that two who want the same never wait
   * for each other. They are released in reverse.
   *
   * @throws KeyplanError PARAM_INVALID
   */
  all(params: readonly Params<P>[]): LockSet
}

/** Several locks of a namespace, as one. */
export interface LockSet {
  /** @returns undefined when another holds one of them */
  tryAcquire(options?: CallOptions): Promise<HeldSet | undefined>
  /** Waits for all of them together as long as `Lock.acquire` would for one. */
  acquire(options?: AcquireOptions): Promise<HeldSet | undefined>
  /** As `Lock.run`. The signal fires when the first of them is lost. */
  run<T>(work: (held: Pick<HeldSet, 'signal' | 'locks'>) => T | Promise<T>, options?: AcquireOptions): Promise<T>
}

export interface HeldSet extends AsyncDisposable {
  /** One for each of the params, in their order; the same one for the same params. */
  readonly locks: readonly Held[]
  /** Fires when the first of them is lost. */
  readonly signal: AbortSignal
  /** Milliseconds for which all of them are certainly still held. */
  remaining(): number
  /** @returns false when one of them was lost before */
  release(): Promise<boolean>
}

/** What a lock can do that most of several servers vote for. */
export interface QuorumLock extends Pick<Lock, 'tryAcquire' | 'acquire' | 'run' | 'lead' | 'isLocked'> {
  inspect(options?: CallOptions): Promise<LockState>
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
   * Waits for it: callers of one process in the order they came, and so do processes, of which each has one place in line.
   * Who is next is told when it comes free; polling is the second line.
   *
   * @returns undefined when it did not come free in time
   * @throws KeyplanError ABORTED, CLOSED, or as `tryAcquire`
   */
  acquire(options?: AcquireOptions): Promise<Held | undefined>
  /**
   * Does the work while holding the lock and lets go of it in all cases. The signal fires when the lock is lost, or
   * when the caller's own does. The options bound the wait for the lock, not the work. A release that fails is a
   * notice, never an error: it goes on in the background, and at the latest the lock ends with its time to live.
   *
   * @returns what the work returns
   * @throws KeyplanError LOCK_BUSY when it did not come free in time; as `acquire`; and whatever the work throws
   */
  run<T>(work: (held: Holding) => T | Promise<T>, options?: AcquireOptions): Promise<T>
  /**
   * Leader election: campaigns for the lock until it is got, does the work as its holder, and campaigns anew when the work
   * has ended or the lock was lost, until it is stopped. The work's signal fires when the office is lost or `stop` is called;
   * no second term begins in this process before the work has ended. Notices: `elected`, `deposed` with its `reason`
   * (`lost`, `stopped`, `resigned` when the work returned, `failed` with the `error` it threw), and `campaign-failed`, once
   * for an outage.
   *
   * @throws KeyplanError PARAM_INVALID, also where the lock is declared with `whenDown: 'local'`
   */
  lead(work: Term, options?: LeadOptions): Leadership
  /**
   * Does the work if nobody of the fleet has in this interval, as the holder of the lock. Intervals are cut from the epoch by
   * the server's clock: `'1h'` begins on the full hour and `'1d'` at midnight, UTC. Asks once: call it from a timer of every
   * process, for instance after `nextMs`.
   *
   * @param interval 1 s to 366 d
   * @throws KeyplanError PARAM_INVALID, also where the lock is declared with `whenDown: 'local'`; LOCK_LOST when this process
   * stood still for too long before the work began; when Redis cannot be asked; and whatever the work throws
   */
  oncePer<T>(
    interval: Duration,
    work: (run: IntervalRun) => T | Promise<T>,
    options?: OncePerOptions,
  ): Promise<OncePerResult<T>>
  isLocked(options?: CallOptions): Promise<boolean>
  /** Who holds it, for how long, and how many wait. */
  inspect(options?: CallOptions): Promise<LockInspection>
  /**
   * Takes the lock from whoever holds it: the next waiter gets it at once. The holder's `signal` fires as soon as its process is
   * told, which is a trip if it runs and hears, else at its next renewal; what it still does meanwhile only the fence keeps
   * out, which grows on. A notice `lock-forced` with the reason and the holder says that it was done.
   *
   * @returns what was there
   * @throws KeyplanError PARAM_INVALID without a reason, and when Redis cannot be asked
   */
  forceRelease(options: ForceOptions): Promise<LockInspection>
}

export interface LockState {
  readonly locked: boolean
  /** Milliseconds until it comes free if nobody renews it. Undefined when free, or when it never expires. */
  readonly remainingMs: number | undefined
}

export type { Holder }

/** A lock as it is seen by who does not hold it. */
export interface LockInspection extends LockState {
  /**
   * Undefined when it is free; while it is kept for the waiter that is next; or when another program has put something
   * else at its key.
   */
  readonly holder: Holder | undefined
  /** Processes that wait for it, this one included. In memory: callers that wait. */
  readonly waiters: number
  /** How many readers hold it; 0 of a lock that knows none. */
  readonly readers: number
}

export interface ForceOptions extends CallOptions {
  /** Why, for the notice `lock-forced`. 1 to 200 characters. */
  reason: string
}
