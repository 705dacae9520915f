import { type Algorithm, type Entry, mostExact } from './algorithm.ts'
import { bucketResult, bucketTaken, fullOf, levelAfter } from './token-bucket.ts'

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
 * Key: the arrival time in ms and what it exceeds that by, in 1 ÷ limit of a ms, as packed doubles: nothing is rounded. It
 * lives until that time. After the server's clock was set back it lies further ahead by as much.
 */
export const gcra: Algorithm<Arrival> = {
  lua: `{
  look = function(key, p)
    local state = call('GET', key)
    if type(state) == 'table' then return state end
    if not state then return { p.capacity * p.window } end
    if #state ~= 16 then return { err = 'ERR value is not an arrival time' } end
    local at, rest = unpacked('<dd', state)
    return { p.capacity * p.window - max(0, (at - now) * p.limit + rest) }
  end,
  fits = function(s, cost, p) return cost * p.window <= s[1] end,
  take = function(key, s, cost, p)
    local full = p.capacity * p.window
    s[1] = max(-${mostExact}, min(full, s[1] - cost * p.window))
    local debt = full - s[1]
    if debt == 0 then return call('DEL', key) end
    local value = packed('<dd', now + floor(debt / p.limit), debt % p.limit)
    return call('SET', key, value, 'PX', format('%.0f', ceil(debt / p.limit)))
  end,
}`,
  look: (entry, now, policy) => [
    fullOf(policy) - (entry ? Math.max(0, (entry.at - now) * policy.limit + entry.rest) : 0),
    0,
    0,
  ],
  fits: ([level], cost, { windowMs }) => cost * windowMs <= level,
  take(_, [before], cost, now, policy) {
    const debt = fullOf(policy) - levelAfter(before, cost, policy)
    if (debt === 0) return undefined
    const { limit } = policy
    return { at: now + Math.floor(debt / limit), rest: debt % limit, until: now + Math.ceil(debt / limit) }
  },
  result: bucketResult,
  taken: bucketTaken,
}
