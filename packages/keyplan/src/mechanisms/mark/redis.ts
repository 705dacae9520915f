import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { KeyplanError } from '../../base/error.ts'
import { commandKeys } from '../../redis/command-table.ts'
import { replyFailure } from '../../redis/failure.ts'
import type { Argument, Encoding, Redis, Reply } from '../../redis/redis.ts'
import { lastChance } from '../lease/claim.ts'
import { createRequests } from '../lease/requests.ts'
import {
  type ClaimReply,
  claimScript,
  forgetScript,
  inspectScript,
  renewScript,
  settleScript,
  withdrawScript,
} from './scripts.ts'
import type { ClaimAnswer, Ending, MarkStore, MarkView } from './store.ts'

/**
 * @param wakeOf the channel on which it is told that a mark has changed
 * @param encoding how values are read
 */
export function createRedisMarkStore(
  redis: Pick<Redis, 'evaluate' | 'serverTime' | 'lane'>,
  wakeOf: (key: string) => string,
  clock: Clock,
  encoding: Encoding,
): MarkStore {
  const requests = createRequests(redis, clock, 'mark')

  return {
    async claim(call, key, claim, { leaseMs: lease, ttlMs: ttl, takeOver, print = '' }) {
      const reply = await requests.send(call, key, [claim], notAfter => {
        const args = { owner: claim.owner, lease, ttl, takeOver: takeOver ? 1 : 0, print, notAfter }
        return redis.evaluate(claimScript, { mark: key }, args, call, encoding)
      })
      claim.granted ||= reply.sign === '+'
      return answerOf(reply)
    },
    renew: (call, key, { owner }, { leaseMs, ttlMs }) =>
      redis.evaluate(renewScript, { mark: key }, { owner, lease: leaseMs, ttl: ttlMs }, call),
    async settle(call, key, { owner }, { ending, value, ttlMs, attempt, print = '', commands, broken, unanswered }) {
      const keys = commands.flatMap(([name, ...args]) => commandKeys(name, args))
      const words = commands.flatMap((command): Argument[] => [command.length, ...command])
      const args = { owner, ttl: ttlMs, ending, value, broken, attempt, print, wake: wakeOf(key), commands: words }
      unanswered.add(call)
      const { sign, refusal } = await redis.evaluate(settleScript, { mark: key, keys }, args, call)
      unanswered.delete(call)
      if (sign === '!') throw replyFailure(refusal)
      if (sign === 'x') throw halfDone(refusal)
      return sign === '1'
    },
    withdraw: (call, key, claim) =>
      redis.evaluate(
        withdrawScript,
        { mark: key },
        { owner: claim.owner, wake: wakeOf(key), notAfter: lastChance(claim) },
        call,
      ),
    forget: (call, key) => redis.evaluate(forgetScript, { mark: key }, { wake: wakeOf(key) }, call),
    inspect: async (call, key) => viewOf(await redis.evaluate(inspectScript, { mark: key }, {}, call, encoding)),
  }
}

function answerOf({ sign, detail }: ClaimReply): ClaimAnswer {
  switch (sign) {
    case '+':
      return { state: 'claimed', attempt: Number(String(detail)) }
    case '-':
      return { state: 'running', remainingMs: Number(String(detail)) }
    case '?':
      return { state: 'unknown' }
    case '!':
      return { state: 'mismatch' }
    default:
      return { state: sign as Ending, value: detail as Stored }
  }
}

function viewOf(reply: readonly Reply[]): MarkView {
  if (reply.length === 0) return { state: 'none' }
  const [state, attempt, leaseMs, remainingMs] = reply.slice(0, 4).map(String)
  const common = { attempt: Number(attempt), remainingMs: Math.max(0, Number(remainingMs)) }
  if (state !== 'running') return { state: state as Ending, value: reply[4] as Stored, ...common }
  return { state: Number(leaseMs) > 0 ? 'running' : 'unknown', leaseMs: Number(leaseMs), ...common }
}

/** Redis takes nothing back: what ran before the refused command stands. */
function halfDone(refusal: string): KeyplanError {
  const { code, message } =
    refusal === '' ? new KeyplanError('SERVER', 'Redis refused a command') : replyFailure(refusal)
  return new KeyplanError(code, `${message}; the commands before it were carried out, and the mark has failed`, {
    outcome: 'unknown',
  })
}
