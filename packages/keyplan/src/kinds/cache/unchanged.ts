declare const brand: unique symbol

/** Says that the previous value still stands. */
export interface Unchanged {
  readonly [brand]: true
}

/** What a loader returns when the value that is stored still stands. An object: the type of a symbol widens in async functions. */
export const unchanged = Object.freeze({}) as Unchanged
