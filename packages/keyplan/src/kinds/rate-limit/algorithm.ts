import type { RateLimitResult } from './contract.ts'
import type { RateLimitPolicy } from './policy.ts'

/** What is known of a key: three figures whose meaning is the algorithm's own. A script gives the same ones. */
export type Usage = readonly [number, number, number]

/** What the store in memory keeps of a key. At `until` it is as if never used. */
export interface Entry {
  readonly until: number
}

/**
 * What an algorithm does on the server: statements for one key that work on local variables, so that the script of the common
 * call holds them as they are and calls no functions, each of which would cost as much as what it does. They may use `limit`,
 * `window`, `capacity`, `grain`, `length` and `cycle` of the policy, `key`, `now`, `call` and the rest of `lua-locals.ts`, and
 * leave the error of a key or of the server in `failure`.
 */
export interface AlgorithmLua {
  /** Whether the key holds a text, which is read for many keys at once: `state`, or false. Otherwise `look` reads the key itself. */
  readonly text: boolean
  /** The names of the figures, at most three. */
  readonly figures: readonly string[]
  /** The names of what else `look` finds out for `take`. */
  readonly found: readonly string[]
  /** What is the same for all keys of a policy. */
  readonly begin: string
  /** Sets the figures. `asked` is what is about to be asked for, at least 1. */
  readonly look: string
  /** An expression: whether `asked` is to be had, by the figures. */
  readonly fits: string
  /**
   * Writes, however much or little is left; a negative `cost` gives back. After a positive one it sets the figures that `result`
   * needs of a taking; after any other one looks again.
   */
  readonly take: string
}

/**
 * A way of counting, for both stores: the script looks and takes on the server, `look` and `take` do the same in process,
 * and `result` says what the figures of either mean. Amounts are steps: units × `scale` of the policy.
 */
export interface Algorithm<E extends Entry = Entry> {
  readonly lua: AlgorithmLua
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
