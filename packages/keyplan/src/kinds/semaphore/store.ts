import type { Call } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Acquisition, Request, Wanted } from '../../mechanisms/lease/steps.ts'
import type { SemaphoreState } from './contract.ts'

/** So many permits of one semaphore. */
export interface PermitsWanted extends Wanted {
  readonly permits: number
}

export type PermitRequest = Request<PermitsWanted>

/** Each step is atomic. */
export interface SemaphoreStore {
  /**
   * Takes permits for the claim's owner, all of them or none, if so many are free of those there are: the number that was
   * set at run time, else `declared`. An owner who already has them gets a full time to live, and a new fence.
   * The fence is larger than that of every earlier acquisition of this key.
   * A request that arrives after its call has expired is refused: it never takes a permit.
   *
   * @throws KeyplanError PARAM_INVALID when more are wanted than there are
   */
  acquire(call: Call, request: PermitRequest, declared: number, ttlMs: number): Promise<Acquisition>
  /** Sets the owner's time to live; a reading of the clock until which they are certainly held, or undefined: not the owner. */
  extend(call: Call, request: PermitRequest, ttlMs: number): Promise<number | undefined>
  /** Gives the permits back and wakes who waits, if the owner has them. Works at maxmemory. */
  release(call: Call, request: PermitRequest): Promise<boolean>
  /**
   * Undoes acquires of the claim whose outcome is unknown. 0: the owner holds nothing and never will. Otherwise the
   * milliseconds after which to withdraw again, since a request may still be on its way.
   */
  withdraw(call: Call, request: PermitRequest): Promise<number>
  inspect(call: Call, key: string, declared: number): Promise<SemaphoreState>
  /** Sets how many permits there are, or with undefined goes back to what is declared. Takes none away from who has one. */
  resize(call: Call, key: string, permits: number | undefined): Promise<void>
}

export const semaphoreOperations: Operations<SemaphoreStore> = {
  acquire: { idempotent: true, write: true },
  extend: { idempotent: true, write: true },
  release: { idempotent: true, write: true },
  withdraw: { idempotent: true, write: true },
  inspect: { idempotent: true, write: false },
  resize: { idempotent: true, write: true },
}

/** @param remainingMs of each permit that is held */
export function stateOf(permits: number, remainingMs: readonly number[]): SemaphoreState {
  const held = remainingMs.length
  return { permits, held, free: Math.max(0, permits - held), remainingMs }
}

export function tooMany(wanted: number, permits: number): KeyplanError {
  return new KeyplanError('PARAM_INVALID', `permits is ${wanted}; the semaphore has ${permits} in all`, {
    outcome: 'not-executed',
  })
}
