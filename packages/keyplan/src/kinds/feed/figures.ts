/** What was done with the feeds of a namespace since the client was opened. */
export interface FeedFigures {
  readonly appended: number
  /** Entries given to those who follow. */
  readonly followed: number
  /** Loops that follow now. */
  readonly followers: number
  /** How often one of them was told that entries are missing. */
  readonly gaps: number
  /** Entries that were read, did not decode and were left out. */
  readonly undecodable: number
}

export type Counting = { -readonly [Figure in keyof FeedFigures]: number }

export const createCounting = (): Counting => ({ appended: 0, followed: 0, followers: 0, gaps: 0, undecodable: 0 })
