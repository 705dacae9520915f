import type { Call } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import type { Redis, Reply } from '../../redis/redis.ts'
import { type Claim, noteRequest } from './claim.ts'

/** What a server says to such a request, beside its answer. */
export interface Answered {
  /** Epoch milliseconds of its clock. */
  readonly now: number
  /** The request came after its time, and has taken nothing. */
  readonly late: boolean
}

/** An answer of one sign, and what belongs to it. `~`: too late. */
export interface SignedAnswer extends Answered {
  readonly sign: string
  readonly detail: string
}

/** Reads what a script gives as its time and such an answer. */
export function readSigned(reply: Reply): SignedAnswer {
  const [now, answer] = reply as [string, string]
  const sign = answer.slice(0, 1)
  return { now: Number(now), late: sign === '~', sign, detail: answer.slice(1) }
}

/** Requests that may take something, and so must never take it after their callers have given up. */
export interface Requests {
  /**
   * Sends one request for claims whose keys lie on the server of `key`. It is told the epoch milliseconds on the
   * server's clock from which on the server has to refuse it, and gives the server's time with its reply. It stays on
   * the claims' lists until its answer is known.
   *
   * @throws KeyplanError TIMEOUT when it came too late
   */
  send<Reply extends Answered>(
    call: Call,
    key: string,
    claims: readonly Claim[],
    send: (notAfter: number) => Promise<Reply>,
  ): Promise<Reply>
}

/** @param noun what is asked for, for messages: a `lock` */
export function createRequests(redis: Pick<Redis, 'serverTime' | 'lane'>, clock: Clock, noun: string): Requests {
  /** How far each server's clock is ahead of the estimate, seen in its last reply: it may have been set forward. */
  const ahead = new Map<string, number>()

  function ask<Reply extends Answered>(
    call: Call,
    key: string,
    claims: readonly Claim[],
    send: (notAfter: number) => Promise<Reply>,
    again: boolean,
  ): Promise<Reply> {
    const now = redis.serverTime(key) + (ahead.get(redis.lane(key)) ?? 0)
    const notAfter = Math.ceil(now + call.expires - clock.now())
    const forget = noteRequest(claims, { call, notAfter })
    return send(notAfter).then(
      reply => {
        forget()
        ahead.set(redis.lane(key), Math.max(0, reply.now - redis.serverTime(key)))
        if (!reply.late) return reply
        // An answer in time that says "too late" means that the server's clock is not where it was thought to be.
        if (again && clock.now() < call.expires) return ask(call, key, claims, send, false)
        throw tooLate(noun)
      },
      error => {
        if (isKeyplanError(error) && error.outcome === 'not-executed') forget()
        throw error
      },
    )
  }

  return { send: (call, key, claims, send) => ask(call, key, claims, send, true) }
}

export function tooLate(noun: string): KeyplanError {
  return new KeyplanError('TIMEOUT', `The request for the ${noun} reached Redis too late and was refused`, {
    outcome: 'not-executed',
  })
}
