import type { Call } from '../../../base/call.ts'
import type { Operations } from '../../../guard/operation.ts'
import type { Claim } from '../../../mechanisms/lease/claim.ts'

/** Where the permits of a key stand. */
export interface Holding {
  /** Whether the one that was asked for is held now. */
  readonly granted: boolean
  /** Permits held. */
  readonly held: number
  /** Milliseconds until the first and until the last of them ends, unless renewed. 0 when none is held. */
  readonly firstEndsMs: number
  readonly lastEndsMs: number
  readonly degraded?: true
}

/** Each step is atomic. Time is the store's own. A key lives until the last of its permits has ended. */
export interface ConcurrencyStore {
  /**
   * Takes a permit for the claim's owner, or renews it if he has it already. A request that arrives after its call has expired is
   * refused: it never takes one.
   */
  acquire(call: Call, key: string, claim: Claim): Promise<Holding>
  /** Renews a permit; false when it is no longer held. */
  renew(call: Call, key: string, id: string): Promise<boolean>
  /** Ends a permit, and tells who waits where none was left. */
  release(call: Call, key: string, id: string): Promise<void>
  /**
   * Undoes acquires of the claim whose outcome is unknown. 0: its owner holds nothing and never will. Otherwise the milliseconds
   * after which to withdraw again, since a request may still be on its way.
   */
  withdraw(call: Call, key: string, claim: Claim): Promise<number>
  peek(call: Call, key: string): Promise<Holding>
  reset(call: Call, key: string): Promise<void>
}

const patienceMs = 500

export const concurrencyOperations: Operations<ConcurrencyStore> = {
  acquire: { idempotent: true, write: true, attempt: patienceMs },
  renew: { idempotent: true, write: true },
  release: { idempotent: true, write: true },
  withdraw: { idempotent: true, write: true },
  peek: { idempotent: true, write: false, attempt: patienceMs },
  reset: { idempotent: true, write: true },
}
