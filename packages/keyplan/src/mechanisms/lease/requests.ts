import type { Call } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import type { Redis } from '../../redis/redis.ts'
import { type Claim, noteRequest } from './claim.ts'

/** Requests that may take something, and so must never take it after their callers have given up. */
export interface Requests {
  /**
   * Sends one request for claims whose keys lie on the server of `key`. It is told the epoch milliseconds on the
   * server's clock from which on the server has to refuse it, and gives the server's time with its reply. It stays on
   * the claims' lists until its answer is known.
   */
  send<Reply extends { readonly now: number }>(
    call: Call,
    key: string,
    claims: readonly Claim[],
    send: (notAfter: number) => Promise<Reply>,
  ): Promise<Reply>
}

export function createRequests(redis: Pick<Redis, 'serverTime' | 'lane'>, clock: Clock): Requests {
  /** How far each server's clock is ahead of the estimate, seen in its last reply: it may have been set forward. */
  const ahead = new Map<string, number>()

  return {
    send(call, key, claims, send) {
      const now = redis.serverTime(key) + (ahead.get(redis.lane(key)) ?? 0)
      const notAfter = Math.ceil(now + call.expires - clock.now())
      const forget = noteRequest(claims, { call, notAfter })
      return send(notAfter).then(
        reply => {
          forget()
          ahead.set(redis.lane(key), Math.max(0, reply.now - redis.serverTime(key)))
          return reply
        },
        error => {
          if (isKeyplanError(error) && error.outcome === 'not-executed') forget()
          throw error
        },
      )
    },
  }
}

export function tooLate(noun: string): KeyplanError {
  return new KeyplanError('TIMEOUT', `The request for the ${noun} reached Redis too late and was refused`, {
    outcome: 'not-executed',
  })
}
