import type { CallOptions } from '../../base/call.ts'
import { isKeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Acquisition, LockRequest, LockStore } from './contract.ts'

/** Acquires and releases that share a round trip with the others of their tick, unless they have terms of their own. */
export interface Together {
  acquire(options: CallOptions, request: LockRequest): Promise<Acquisition>
  release(options: CallOptions | undefined, request: LockRequest): Promise<boolean>
}

/** Most locks of one script call. */
const gathered = 32

export function createTogether(steps: Guarded<LockStore>, ttlMs: number): Together {
  // The server refuses a call for the sake of one key; the others are asked again without it.
  const separable = (error: unknown) => isKeyplanError(error, 'NO_PERMISSION') || isKeyplanError(error, 'CROSS_SLOT')
  const acquires = createGather<LockRequest, Acquisition>({
    max: gathered,
    run: requests => steps.acquireMany(undefined, requests, ttlMs),
    separable,
  })
  const releases = createGather<LockRequest, boolean>({
    max: gathered,
    run: requests => steps.releaseMany(undefined, requests),
    separable,
  })
  const isOrdinary = (options: CallOptions | undefined) =>
    options?.signal === undefined && options?.deadline === undefined

  return {
    acquire(options, request) {
      if (isOrdinary(options)) return acquires.add(request)
      return steps.acquire(options, request.key, request.claim, ttlMs)
    },
    release(options, request) {
      if (isOrdinary(options)) return releases.add(request)
      return steps.release(options, request.key, request.claim)
    },
  }
}
