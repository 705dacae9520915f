import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Command } from '../../redis/redis.ts'
import type { Claim } from '../lease/claim.ts'

/** How an operation ended. */
export type Ending = 'done' | 'failed'

/** What a claim asks for. */
export interface ClaimTerms {
  /** How long nobody else may take the operation over, unless it is renewed. */
  readonly leaseMs: number
  /** How long the mark lives after the last word of its owner. */
  readonly ttlMs: number
  /** Whether an operation whose owner fell silent may be claimed anew. */
  readonly takeOver: boolean
  /** Digest of the request. One that differs from the mark's is refused; where either is missing they are not compared. */
  readonly print: string | undefined
}

/** What a store answers to a claim. */
export type ClaimAnswer =
  /** The caller owns it now. */
  | { readonly state: 'claimed'; readonly attempt: number }
  /** Another owner has it, for so many milliseconds if nothing more is heard of it. */
  | { readonly state: 'running'; readonly remainingMs: number }
  /** Its owner fell silent, and nobody may take it over. */
  | { readonly state: 'unknown' }
  /** The mark is that of another request. */
  | { readonly state: 'mismatch' }
  | { readonly state: 'done'; readonly value: Stored }
  | { readonly state: 'failed'; readonly value: Stored }

/** The end of an operation, and what is done in the same step. */
export interface Settlement {
  readonly ending: Ending
  readonly value: Stored
  readonly ttlMs: number
  /** What the mark says of the operation: it may have to be written anew. */
  readonly attempt: number
  readonly print: string | undefined
  /**
   * Run in the step that settles the mark, and only if the claim still owns it. When the first is refused nothing is done,
   * the settlement neither. When a later one is, those before it stand: the mark is then `failed`, with `broken` for a value.
   */
  readonly commands: readonly Command[]
  readonly broken: Stored
  /** Tries whose answer is awaited or was lost: one of them may have settled it. The store's own. */
  readonly unanswered: Set<Call>
}

/** What is known of an operation. */
export type MarkView =
  | { readonly state: 'none' }
  | {
      readonly state: 'running' | 'unknown'
      readonly attempt: number
      /** Until another may take it over; 0 when its owner has fallen silent. */
      readonly leaseMs: number
      readonly remainingMs: number
    }
  | { readonly state: 'done'; readonly attempt: number; readonly value: Stored; readonly remainingMs: number }
  | { readonly state: 'failed'; readonly attempt: number; readonly value: Stored; readonly remainingMs: number }

/**
 * Marks: for each key one operation that is claimed by an owner, and then done or failed. Each step is atomic, and says of a
 * claim that asks again what it said before.
 */
export interface MarkStore {
  /**
   * Takes an operation that is new, or one whose owner fell silent if the terms allow it; else says how it stands. A request
   * that arrives after its call has expired is refused: it never takes anything.
   */
  claim(call: Call, key: string, claim: Claim, terms: ClaimTerms): Promise<ClaimAnswer>
  /** Another full lease; false when the claim does not own the operation any more. Works at maxmemory. */
  renew(call: Call, key: string, claim: Claim, terms: ClaimTerms): Promise<boolean>
  /**
   * Ends the operation and wakes who waits; false when the claim does not own it. It may have fallen silent, as long as nobody
   * took over, and if it is done, without commands, its mark may be gone: what was done is done, and what failed may be done anew.
   * Without commands it works at maxmemory.
   *
   * @throws KeyplanError what the server said of the first of the commands that it refused: `not-executed` when nothing was
   * done, `unknown` when those before it were, which has settled the mark as failed
   */
  settle(call: Call, key: string, claim: Claim, settlement: Settlement): Promise<boolean>
  /**
   * Leaves nothing of a claim that has not been settled, and wakes who waits. 0: nor will anything come of it. Otherwise the
   * milliseconds after which to withdraw again, since a request may still be on its way. Works at maxmemory.
   */
  withdraw(call: Call, key: string, claim: Claim): Promise<number>
  /** Removes the mark, whatever it says, and wakes who waits; false when there was none. */
  forget(call: Call, key: string): Promise<boolean>
  inspect(call: Call, key: string): Promise<MarkView>
}

export const markOperations: Operations<MarkStore> = {
  claim: { idempotent: true, write: true },
  renew: { idempotent: true, write: true },
  settle: { idempotent: true, write: true },
  withdraw: { idempotent: true, write: true },
  forget: { idempotent: true, write: true },
  inspect: { idempotent: true, write: false },
}
