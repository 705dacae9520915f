import type { Call } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { isUnavailable, type KeyplanError } from '../../base/error.ts'
import { lastChance } from '../../mechanisms/lease/claim.ts'
import { fenceTtl } from '../../mechanisms/lease/fence.ts'
import { createRequests } from '../../mechanisms/lease/requests.ts'
import type { Acquisition } from '../../mechanisms/lease/steps.ts'
import { perSlot } from '../../mechanisms/per-slot.ts'
import { replyFailure } from '../../redis/failure.ts'
import type { Command, Redis } from '../../redis/redis.ts'
import { scriptArguments } from '../../redis/script.ts'
import { readHolder } from './holder.ts'
import { mutexScripts } from './mutex/scripts.ts'
import type { LockNames } from './names.ts'
import type { InspectReply, LockScripts } from './script-set.ts'
import type { LockRequest, LockStore, LockView } from './store.ts'

/** By which scripts a lock is taken, and which keys of it each of them is given. */
export interface LockForm {
  readonly scripts: LockScripts
  acquired(keys: readonly string[]): readonly string[]
  held(key: string): readonly string[]
  /** For all others. */
  freed(keys: readonly string[]): readonly string[]
}

export const mutexForm = (names: LockNames, alone: boolean): LockForm => ({
  scripts: mutexScripts,
  acquired: keys => [...keys, ...keys.map(names.line), ...(alone ? keys.slice(0, 1) : keys).map(names.fence)],
  held: key => [key, names.fence(key)],
  freed: keys => [...keys, ...keys.map(names.line)],
})

/** @param alone one server has all keys, so that it knows of all who listen */
export function createRedisLockStore(
  redis: Pick<Redis, 'evaluate' | 'block' | 'serverTime' | 'lane' | 'slot'>,
  names: LockNames,
  instance: string,
  clock: Clock,
  alone: boolean,
  form: LockForm = mutexForm(names, alone),
): LockStore {
  const channel = names.wake(instance)
  const counts = alone ? 1 : 0
  const { scripts } = form
  const tracked = createRequests(redis, clock, 'lock')

  type Answers = readonly (Acquisition | KeyplanError)[]

  /** One trip for keys of one slot. */
  function acquireTogether(call: Call, requests: readonly LockRequest[], ttlMs: number): Promise<Answers> {
    let sentAt = 0
    const keys = requests.map(keyOf)
    const seats = requests.some(({ seat }) => seat) ? requests.map(seatText).join(' ') : ''
    const args = { ttl: ttlMs, fenceTtl: fenceTtl(ttlMs), channel, counts, seats, ...claimArgs(requests) }
    const claims = requests.map(({ claim }) => claim)
    const answered = tracked.send(call, keys[0]!, claims, notAfter => {
      sentAt = clock.now()
      return redis.evaluate(scripts.acquire, { keys: form.acquired(keys) }, { notAfter, ...args }, call)
    })
    return answered.then(({ lines }) =>
      lines.map(({ sign, detail }, index) => {
        if (sign === '!') return replyFailure(detail)
        if (sign === '-') return { granted: false, remainingMs: Number(detail) < 0 ? undefined : Number(detail) }
        requests[index]!.claim.granted = true
        return { granted: true, fence: detail, until: sentAt + ttlMs, degraded: false }
      }),
    )
  }

  function releaseTogether(call: Call, requests: readonly LockRequest[]): Promise<readonly (boolean | KeyplanError)[]> {
    const keys = form.freed(requests.map(keyOf))
    const answered = redis.evaluate(scripts.release, { keys }, { counts, ...claimArgs(requests) }, call)
    return answered.then(lines => lines.map(({ sign, detail }) => (sign === '!' ? replyFailure(detail) : sign === '1')))
  }

  const acquireMany: LockStore['acquireMany'] = (call, requests, ttlMs) =>
    perSlot(redis, requests, keyOf, part => acquireTogether(call, part, ttlMs)).then(allRefused)

  const releaseMany: LockStore['releaseMany'] = (call, requests) =>
    perSlot(redis, requests, keyOf, part => releaseTogether(call, part)).then(allRefused)

  return {
    acquireMany,
    releaseMany,
    acquire: async (call, key, claim, ttlMs, seat) => only(await acquireMany(call, [{ key, claim, seat }], ttlMs)),
    release: async (call, key, claim) => only(await releaseMany(call, [{ key, claim }])),
    async confirm(call, key, { owner }, ttlMs, { replicas, timeoutMs }) {
      const args = { owner, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs) }
      // WAIT means what its own connection has written last, and so all that came before it.
      const first: Command = ['evalsha', ...scriptArguments(scripts.extend, { keys: form.held(key) }, args)]
      const { signal } = call
      const reached = await redis.block('wait', ms => [replicas, ms], { wait: timeoutMs, signal, first })
      return Number(reached) >= replicas
    },
    async extend(call, key, { owner }, ttlMs) {
      const until = clock.now() + ttlMs
      const args = { owner, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs) }
      return (await redis.evaluate(scripts.extend, { keys: form.held(key) }, args, call)) ? until : undefined
    },
    withdraw(call, key, claim) {
      const args = { owner: claim.owner, counts, notAfter: lastChance(claim) }
      return redis.evaluate(scripts.withdraw, { keys: form.freed([key]) }, args, call)
    },
    leave: (call, key) => redis.evaluate(scripts.leave, { keys: form.freed([key]) }, { channel, counts }, call),
    inspect: async (call, key) => viewOf(await redis.evaluate(scripts.inspect, { keys: form.freed([key]) }, {}, call)),
    async force(call, key) {
      const args = { wake: names.wake(''), counts }
      return viewOf(await redis.evaluate(scripts.force, { keys: form.freed([key]) }, args, call))
    },
  }
}

function viewOf({ holder, left, waiters, now, readers }: InspectReply): LockView {
  return {
    locked: left !== -2,
    remainingMs: left < 0 ? undefined : left,
    waiters,
    readers,
    holder: readHolder(holder, now),
  }
}

const keyOf = ({ key }: LockRequest) => key

const seatText = ({ seat }: LockRequest) => (seat ? `${Math.ceil(seat.ms)}${seat.again ? '+' : ''}` : '0')

/** What the owners of a process have in common is sent once: it is most of each. */
function claimArgs(requests: readonly LockRequest[]): { prefix: string; claims: readonly string[] } {
  const { origin } = requests[0]!.claim
  if (requests.every(({ claim }) => claim.origin === origin)) {
    return { prefix: origin, claims: requests.map(({ claim }) => claim.own) }
  }
  return { prefix: '', claims: requests.map(({ claim }) => claim.owner) }
}

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
