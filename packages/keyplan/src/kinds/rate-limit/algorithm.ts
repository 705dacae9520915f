import type { RateLimitResult } from './contract.ts'
import type { RateLimitPolicy } from './policy.ts'

/** What is known of a key: three figures whose meaning is the algorithm's own. A script gives the same ones. */
export type Usage = readonly [number, number, number]

/** What the store in memory keeps of a key. At `until` it is as if never used. */
export interface Entry {
  readonly until: number
}

/**
 * A way of counting, for both stores: the script looks and takes on the server, `look` and `take` do the same in process,
 * and `result` says what the figures of either mean. Amounts are steps: units × `scale` of the policy.
 *
 * The Lua is a function of a policy's figures `(limit, window, capacity, grain, length, cycle)` that gives three more. They hand
 * on plain values and no tables, which would cost as much as the rest of the work:
 *
 * - `look(key, asked, state)`, where `state` is what the text at the key says, or false: the error of the key or nil, the three
 *   figures, and up to four values that are handed to `take` as they are;
 * - `fits(cost, a, b, c)`: whether so much is to be had, by the figures;
 * - `take(key, cost, a, b, c, …)` writes, however much or little is left (a negative cost gives back): the error if the server
 *   refuses or nil, and the figures. After a positive cost they are those that `result` needs of a taking; after any other one
 *   looks again.
 *
 * It may use `now`, `call` and the other locals of `lua-locals.ts`.
 */
export interface Algorithm<E extends Entry = Entry> {
  readonly lua: string
  /** Its key holds a text, which is read for many keys at once; otherwise `look` reads the key itself. */
  readonly text: boolean
  /** @param asked what is about to be asked for, at least 1 */
  look(entry: E | undefined, now: number, policy: RateLimitPolicy, asked: number): Usage
  fits(usage: Usage, cost: number, policy: RateLimitPolicy): boolean
  /** What to keep from now on; undefined when it is as if never used. */
  take(entry: E | undefined, usage: Usage, cost: number, now: number, policy: RateLimitPolicy): E | undefined
  /** @param usage with this call's cost in it when it was taken */
  result(fits: boolean, usage: Usage, asked: number, policy: RateLimitPolicy): RateLimitResult
  /** Steps that are taken at present. */
  taken(usage: Usage, policy: RateLimitPolicy): number
}

/** A penalty may go beyond the limit by so much that a count still lies below what one integer holds. */
export const mostTaken = 2 ** 30

/**
 * What is counted in steps × milliseconds stays below a quarter of what a double holds exactly, which leaves room for the
 * sum of two windows and the cost: no decision is ever rounded.
 */
export const mostExact = 2 ** 51

/** Within 0 and what can be counted. */
export const bounded = (steps: number) => Math.max(0, Math.min(mostTaken, steps))
