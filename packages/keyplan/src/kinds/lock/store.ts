import type { Call } from '../../base/call.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Claim } from '../../mechanisms/lease/claim.ts'
import type { Acquisition, Request, Seat, Wanted } from '../../mechanisms/lease/steps.ts'
import type { Holder, LockState } from './contract.ts'
import type { Confirmation } from './settings.ts'

/** One lock of many. */
export type LockRequest = Request<Wanted>

/** What lies at the key of a lock. */
export interface LockView extends LockState {
  /** How many processes wait for it, as far as the store knows. */
  readonly waiters: number
  /** How many readers hold a read-write lock. */
  readonly readers: number
  readonly holder: Holder | undefined
}

/** Each step is atomic. */
export interface LockStore {
  /**
   * Takes a free lock for the claim's owner.
   * An owner who already has it gets the same fence and a full time to live: that is no second acquisition.
   * The fence is larger than that of every earlier acquisition of this key.
   * A request that arrives after its call has expired is refused: it never takes the lock.
   * Processes get it in the order in which their first request with a seat came.
   */
  acquire(call: Call, key: string, claim: Claim, ttlMs: number, seat?: Seat): Promise<Acquisition>
  /** `acquire` for each of many, in order; the error of one concerns it alone. */
  acquireMany(
    call: Call,
    requests: readonly LockRequest[],
    ttlMs: number,
  ): Promise<readonly (Acquisition | KeyplanError)[]>
  /**
   * Sets the owner's time to live anew, and waits until so many replicas have all that was written until then, for at most
   * `timeoutMs`. False when they do not in time.
   */
  confirm(call: Call, key: string, claim: Claim, ttlMs: number, confirmation: Confirmation): Promise<boolean>
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
  /** Gives up the place of this process in the line of a lock, and passes on what is kept for it. */
  leave(call: Call, key: string): Promise<void>
  /** Whether anyone holds it, and who. */
  inspect(call: Call, key: string): Promise<LockView>
  /** Frees it whoever has it, tells that process, and gives what was there. */
  force(call: Call, key: string): Promise<LockView>
}

export const lockOperations: Operations<LockStore> = {
  // Before this process goes on alone (`whenDown: 'local'`) it gives a link that just broke time to come back.
  acquire: { idempotent: true, write: true, attempt: 500, hold: true },
  acquireMany: { idempotent: true, write: true, attempt: 500, hold: true },
  // Its own time is up to two seconds, and a link to wait on may have to be opened.
  confirm: { idempotent: true, write: true, attempt: 4_000 },
  extend: { idempotent: true, write: true },
  release: { idempotent: true, write: true },
  releaseMany: { idempotent: true, write: true },
  withdraw: { idempotent: true, write: true },
  leave: { idempotent: true, write: true },
  inspect: { idempotent: true, write: false },
  force: { idempotent: true, write: true },
}
