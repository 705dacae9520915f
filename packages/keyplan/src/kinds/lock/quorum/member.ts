import type { Call } from '../../../base/call.ts'
import type { Clock } from '../../../base/clock.ts'
import { KeyplanError } from '../../../base/error.ts'
import type { Operations } from '../../../guard/operation.ts'
import { type Claim, lastChance } from '../../../mechanisms/lease/claim.ts'
import { fenceTtl } from '../../../mechanisms/lease/fence.ts'
import { createRequests } from '../../../mechanisms/lease/requests.ts'
import type { Redis } from '../../../redis/redis.ts'
import type { LockNames } from '../names.ts'
import {
  commitScript,
  giveBackScript,
  lookScript,
  prolongScript,
  retractScript,
  type VoteSeen,
  voteScript,
} from './scripts.ts'

export type Vote =
  | { readonly granted: true; readonly fence: bigint }
  | { readonly granted: false; readonly remainingMs: number | undefined }

/** One server of a quorum. Each step is atomic there, and knows nothing of the others. */
export interface Member {
  /** Its vote, and the least fence it would take. One that arrives after its call has expired is refused. */
  vote(call: Call, key: string, claim: Claim, ttlMs: number): Promise<Vote>
  /** Notes the fence, if the owner has its vote still. */
  commit(call: Call, key: string, claim: Claim, fence: bigint, ttlMs: number): Promise<boolean>
  extend(call: Call, key: string, claim: Claim, ttlMs: number): Promise<boolean>
  release(call: Call, key: string, claim: Claim): Promise<boolean>
  /** 0: the owner does not have its vote and never will. Otherwise the milliseconds after which to withdraw again. */
  withdraw(call: Call, key: string, claim: Claim): Promise<number>
  inspect(call: Call, key: string): Promise<VoteSeen>
}

export const memberOperations: Operations<Member> = {
  vote: { idempotent: true, write: true },
  commit: { idempotent: true, write: true },
  extend: { idempotent: true, write: true },
  release: { idempotent: true, write: true },
  withdraw: { idempotent: true, write: true },
  inspect: { idempotent: true, write: false },
}

/** @param restMs how long a server must have been up before its vote counts */
export function createMember(
  redis: Pick<Redis, 'send' | 'evaluate' | 'serverTime' | 'lane' | 'beforeReady'>,
  names: LockNames,
  restMs: number,
  clock: Clock,
): Member {
  const requests = createRequests(redis, clock, 'lock')
  const keysOf = (key: string) => ({ lock: key, fence: names.fence(key) })
  const isRested = createRest(redis, restMs, clock)
  const checkRest = async (call: Call) => {
    if (await isRested(call)) return
    throw new KeyplanError('LOADING', 'A server of the quorum was restarted lately and does not vote yet', {
      outcome: 'not-executed',
    })
  }

  return {
    async vote(call, key, claim, ttlMs) {
      await checkRest(call)
      const args = { owner: claim.owner, ttl: ttlMs }
      const { sign, detail } = await requests.send(call, key, [claim], notAfter =>
        redis.evaluate(voteScript, keysOf(key), { notAfter, ...args }, call),
      )
      if (sign === '-') return { granted: false, remainingMs: Number(detail) < 0 ? undefined : Number(detail) }
      claim.granted = true
      // It may have waited for a new link, and so for a server that has forgotten: what it said there is no vote either.
      await checkRest(call)
      return { granted: true, fence: BigInt(detail) }
    },
    commit: (call, key, { owner }, fence, ttlMs) =>
      redis.evaluate(commitScript, keysOf(key), { owner, number: String(fence), fenceTtl: fenceTtl(ttlMs) }, call),
    extend: (call, key, { owner }, ttlMs) =>
      redis.evaluate(prolongScript, keysOf(key), { owner, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs) }, call),
    release: (call, key, { owner }) =>
      redis.evaluate(giveBackScript, { lock: key }, { owner, wake: names.freed(key) }, call),
    withdraw: (call, key, claim) =>
      redis.evaluate(retractScript, { lock: key }, { owner: claim.owner, notAfter: lastChance(claim) }, call),
    inspect: (call, key) => redis.evaluate(lookScript, { lock: key }, {}, call),
  }
}

/** Whether a server has been up for long enough; it is asked once for each link. */
function createRest(redis: Pick<Redis, 'send' | 'beforeReady'>, restMs: number, clock: Clock) {
  if (restMs === 0) return async () => true
  /** Reading of the clock at which it was up for certain. */
  let upSince: number | undefined
  redis.beforeReady(async () => {
    upSince = undefined
  })
  return async (call: Call): Promise<boolean> => {
    if (upSince === undefined) {
      const info = String(await redis.send('info', ['server'], call))
      // The difference of two times in whole seconds: it may be up to one less.
      const seconds = Number(/uptime_in_seconds:(\d+)/.exec(info)?.[1] ?? 0) - 1
      upSince = clock.now() - seconds * 1_000
    }
    return clock.now() - upSince >= restMs
  }
}
