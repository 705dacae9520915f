import type { Call } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { isUnavailable, type KeyplanError } from '../../base/error.ts'
import { lastChance } from '../../mechanisms/lease/claim.ts'
import { fenceTtl } from '../../mechanisms/lease/fence.ts'
import { createRequests, tooLate } from '../../mechanisms/lease/requests.ts'
import type { Acquisition } from '../../mechanisms/lease/steps.ts'
import { perSlot } from '../../mechanisms/per-slot.ts'
import { replyFailure } from '../../redis/failure.ts'
import type { Redis } from '../../redis/redis.ts'
import type { LockNames } from './names.ts'
import { acquireScript, extendScript, releaseScript, withdrawScript } from './scripts.ts'
import type { LockRequest, LockStore } from './store.ts'

export function createRedisLockStore(
  redis: Pick<Redis, 'send' | 'evaluate' | 'serverTime' | 'lane' | 'slot'>,
  names: LockNames,
  clock: Clock,
): LockStore {
  const tracked = createRequests(redis, clock)

  /** One trip for keys of one slot: what each request is told, undefined where it came too late. */
  async function ask(
    call: Call,
    requests: readonly LockRequest[],
    ttlMs: number,
  ): Promise<(Acquisition | KeyplanError | undefined)[]> {
    const sentAt = clock.now()
    const { key } = requests[0]!
    const keys = requests.flatMap(({ key }) => [key, names.fence(key)])
    const claims = requests.map(({ claim }) => claim)
    const args = { ttl: ttlMs, fenceTtl: fenceTtl(ttlMs), owners: claims.map(({ owner }) => owner) }
    const { lines } = await tracked.send(call, key, claims, notAfter =>
      redis.evaluate(acquireScript, { keys }, { ...args, notAfter }, call),
    )
    return lines.map(({ sign, detail }, index) => {
      if (sign === '!') return replyFailure(detail)
      if (sign === '~') return undefined
      if (sign === '-') return { granted: false, remainingMs: Number(detail) < 0 ? undefined : Number(detail) }
      requests[index]!.claim.granted = true
      return { granted: true, fence: detail, until: sentAt + ttlMs, degraded: false }
    })
  }

  async function acquireTogether(call: Call, requests: readonly LockRequest[], ttlMs: number) {
    const answers = await ask(call, requests, ttlMs)
    const late = requests.filter((_, index) => answers[index] === undefined)
    // An answer in time that says "too late" means that the server's clock is not where it was thought to be.
    const again = late.length > 0 && clock.now() < call.expires ? await ask(call, late, ttlMs) : []
    let next = 0
    return answers.map(answer => answer ?? again[next++] ?? tooLate('lock'))
  }

  async function releaseTogether(call: Call, requests: readonly LockRequest[]) {
    const locks = requests.map(({ key }) => key)
    const owners = requests.flatMap(({ key, claim }) => [claim.owner, names.wake(key)])
    const lines = await redis.evaluate(releaseScript, { locks }, { owners }, call)
    return lines.map(({ sign, detail }) => (sign === '!' ? replyFailure(detail) : sign === '1'))
  }

  const acquireMany: LockStore['acquireMany'] = async (call, requests, ttlMs) =>
    allRefused(await perSlot(redis, requests, keyOf, part => acquireTogether(call, part, ttlMs)))

  const releaseMany: LockStore['releaseMany'] = async (call, requests) =>
    allRefused(await perSlot(redis, requests, keyOf, part => releaseTogether(call, part)))

  return {
    acquireMany,
    releaseMany,
    acquire: async (call, key, claim, ttlMs) => only(await acquireMany(call, [{ key, claim }], ttlMs)),
    release: async (call, key, claim) => only(await releaseMany(call, [{ key, claim }])),
    async extend(call, key, { owner }, ttlMs) {
      const until = clock.now() + ttlMs
      const keys = { lock: key, fence: names.fence(key) }
      const args = { owner, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs) }
      return (await redis.evaluate(extendScript, keys, args, call)) ? until : undefined
    },
    withdraw(call, key, claim) {
      const args = { owner: claim.owner, wake: names.wake(key), notAfter: lastChance(claim) }
      return redis.evaluate(withdrawScript, { lock: key }, args, call)
    },
    async inspect(call, key) {
      const remaining = Number(await redis.send('pttl', [key], call))
      return { locked: remaining !== -2, remainingMs: remaining < 0 ? undefined : remaining }
    },
  }
}

const keyOf = ({ key }: LockRequest) => key

function only<T>(answers: readonly (T | KeyplanError)[]): T {
  const [answer] = answers
  if (answer instanceof Error) throw answer
  return answer as T
}

/** A server that serves nobody now is for the guard to know: it retries, or falls back. */
function allRefused<T>(answers: readonly (T | KeyplanError)[]): readonly (T | KeyplanError)[] {
  if (answers.every(isUnavailable)) throw answers[0]
  return answers
}
