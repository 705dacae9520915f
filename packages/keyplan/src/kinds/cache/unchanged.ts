/** What a loader returns when the value that is stored still stands. */
export const unchanged: unique symbol = Symbol('keyplan.unchanged')
