import type { Algorithm, Entry } from './algorithm.ts'
import { keepUntil } from './lua-locals.ts'
import { bucketFits, bucketLua, bucketResult, bucketTake, bucketTaken, fullOf, levelAfter } from './token-bucket.ts'

export interface Arrival extends Entry {
  /** The arrival time, and by how many 1 ÷ limit of a millisecond it lies later. */
  readonly at: number
  readonly rest: number
}

/**
 * The generic cell rate algorithm: one moment, the theoretical arrival time, at which all that was taken will have been
 * paid for at `limit` per `window`. What is asked for fits while that moment lies no further ahead than `burst` takes.
 * It promises what a token bucket does, and keeps no level: a `burst` of 1 spaces calls evenly.
 *
 * Source: ATM Forum, "Traffic Management Specification 4.0" (1996), section 4.4.2; as a limiter of requests: B. Leach,
 * "Rate Limiting, Cells, and GCRA" (2015).
 *
 * Figures: what is to be had, in units × window, as of a token bucket.
 *
 * Key: the arrival time in ms, what it exceeds that by, in 1 ÷ limit of a ms, and when the key ends, as packed doubles:
 * nothing is rounded. It lives until the arrival time, and an eighth of what a full burst takes longer at most. After the
 * server's clock was set back it lies further ahead by as much.
 */
export const gcra: Algorithm<Arrival> = {
  lua: {
    ...bucketLua,
    look: `
level = full
if state then
  if #state == 24 then
    local at, rest
    at, rest, till = unpacked('<ddd', state)
    local debt = (at - now) * limit + rest
    if debt > 0 then level = full - debt end
  else
    failure = 'ERR value is not an arrival time'
  end
end`,
    take: bucketTake(`local debt = full - level
  local rest = debt % limit
  local at = now + (debt - rest) / limit
  ${keepUntil('at', 'rest', 'rest > 0 and at + 1 or at')}`),
  },
  look: (entry, now, policy) => [
    fullOf(policy) - (entry ? Math.max(0, (entry.at - now) * policy.limit + entry.rest) : 0),
    0,
    0,
  ],
  fits: bucketFits,
  take(_, [before], cost, now, policy) {
    const debt = fullOf(policy) - levelAfter(before, cost, policy)
    if (debt === 0) return undefined
    const { limit } = policy
    return { at: now + Math.floor(debt / limit), rest: debt % limit, until: now + Math.ceil(debt / limit) }
  },
  result: bucketResult,
  taken: bucketTaken,
}
