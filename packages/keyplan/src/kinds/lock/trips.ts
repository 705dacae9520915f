import type { CallOptions } from '../../base/call.ts'
import { isKeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Acquisition } from '../../mechanisms/lease/steps.ts'
import type { Server } from '../kind.ts'
import type { LockRequest, LockStore } from './store.ts'

/**
 * Requests to the store, in the order they are made: acquires that follow each other in one tick share a round trip, and
 * so do releases, unless they have terms of their own.
 */
export interface Trips {
  acquire(options: CallOptions, request: LockRequest): Promise<Acquisition>
  release(options: CallOptions | undefined, request: LockRequest): Promise<boolean>
  /** Sends what is gathered, ahead of what is asked in another way. */
  flush(): void
}

/** Most locks of one script call. */
const gathered = 64

export function createTrips(steps: Guarded<LockStore>, ttlMs: number, lane: Server['lane']): Trips {
  // The server refuses a call for the sake of one key; the others are asked again without it.
  const separable = (error: unknown) => isKeyplanError(error, 'NO_PERMISSION') || isKeyplanError(error, 'CROSS_SLOT')
  const acquires = createGather<LockRequest, Acquisition>({
    max: gathered,
    lane: lane && (({ key }) => lane(key)),
    run: requests => steps.acquireMany(undefined, requests, ttlMs),
    separable,
  })
  const releases = createGather<LockRequest, boolean>({
    max: gathered,
    lane: lane && (({ key }) => lane(key)),
    run: requests => steps.releaseMany(undefined, requests),
    separable,
  })
  const isOrdinary = (options: CallOptions | undefined) =>
    options?.signal === undefined && options?.deadline === undefined

  /** Of the two at most one holds something, so their order does not matter. */
  function flush(): void {
    acquires.flush()
    releases.flush()
  }

  return {
    acquire(options, request) {
      if (isOrdinary(options)) {
        releases.flush()
        return acquires.add(request)
      }
      flush()
      return steps.acquire(options, request.key, request.claim, ttlMs, request.seat)
    },
    release(options, request) {
      if (isOrdinary(options)) {
        acquires.flush()
        return releases.add(request)
      }
      flush()
      return steps.release(options, request.key, request.claim)
    },
    flush,
  }
}
