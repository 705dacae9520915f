import type { Call } from '../../../base/call.ts'
import type { Operations } from '../../../guard/operation.ts'

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
  /** Takes a permit under a name, or renews it if it is held under that name already. */
  acquire(call: Call, key: string, id: string): Promise<Holding>
  /** Renews a permit; false when it is no longer held. */
  renew(call: Call, key: string, id: string): Promise<boolean>
  /** Ends a permit, and tells who waits where none was left. */
  release(call: Call, key: string, id: string): Promise<void>
  peek(call: Call, key: string): Promise<Holding>
  reset(call: Call, key: string): Promise<void>
}

const patienceMs = 500

export const concurrencyOperations: Operations<ConcurrencyStore> = {
  acquire: { idempotent: true, write: true, attempt: patienceMs },
  renew: { idempotent: true, write: true },
  release: { idempotent: true, write: true },
  peek: { idempotent: true, write: false, attempt: patienceMs },
  reset: { idempotent: true, write: true },
}
