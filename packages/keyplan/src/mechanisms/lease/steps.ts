import type { CallOptions } from '../../base/call.ts'
import type { Claim } from './claim.ts'

/** What is asked for: the key it lies at, and whatever else its kind must know. */
export interface Wanted {
  readonly key: string
}

/** The place in line of a process whose caller waits, where processes stand in one. */
export interface Seat {
  /** For how long it is kept unless it is asked again, in milliseconds. */
  readonly ms: number
  /** Others of the process wait behind the caller: if it is granted, the process goes to the end of the line. */
  readonly again: boolean
}

/** Without a seat it takes what is free and not kept for another, or is told that it is not. */
export type Request<W extends Wanted> = W & { readonly claim: Claim; readonly seat?: Seat | undefined }

export interface Grant {
  readonly granted: true
  /** Decimal. */
  readonly fence: string
  /** Reading of the monotonic clock until which it is certainly held. */
  readonly until: number
  /** Held in this process alone: no server knows of it. */
  readonly degraded: boolean
}

export interface Busy {
  readonly granted: false
  /** How long it is certainly held still, in milliseconds. Undefined when that is not known. */
  readonly remainingMs: number | undefined
}

/** What a store answers to an acquire. */
export type Acquisition = Grant | Busy

/** What a kind can ask its store for one claim. */
export interface LeaseSteps<W extends Wanted> {
  acquire(options: CallOptions, request: Request<W>): Promise<Acquisition>
  /** Whether what a server granted is safe enough to count. It is withdrawn if not. */
  confirm?: ((request: Request<W>) => Promise<boolean>) | undefined
  /** A reading of the clock until which it is certainly held, or undefined: not the owner. */
  extend(options: CallOptions, request: Request<W>, ttlMs: number, grant: Grant): Promise<number | undefined>
  release(options: CallOptions | undefined, request: Request<W>, grant: Grant): Promise<boolean>
  /**
   * Undoes acquires of the claim whose outcome is unknown. 0: the owner holds nothing and never will. Otherwise the
   * milliseconds after which to withdraw again, since a request may still be on its way.
   */
  withdraw(options: CallOptions | undefined, request: Request<W>): Promise<number>
  /** Gives up the place in line of this process. A kind that has it is asked with a seat by who waits. */
  leave?(options: CallOptions | undefined, key: string): Promise<void>
}
