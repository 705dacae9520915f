import { type Item, itemOf } from '../../dataset.ts'

/** What a feed holds. */
export interface Entry {
  readonly i: number
  readonly item: Item
}

export const entryOf = (i: number): Entry => ({ i, item: itemOf(i) })

/** How much of a feed is kept. */
export const keep = 10_000

/** How long it lives after the last entry, in milliseconds. */
export const ttlMs = 3_600_000

/** How many follow in a case. */
export const followersOf = (caseName: string) =>
  caseName.endsWith('1,000 followers') ? 1_000 : caseName === 'append' ? 0 : 1
