import { type Item, itemOf } from '../../dataset.ts'

/** What a mark remembers, in milliseconds. */
export const rememberMilliseconds = 3_600_000

/** The result that the first caller of every key has left. */
export const receiptOf = (i: number): Item => itemOf(i)
