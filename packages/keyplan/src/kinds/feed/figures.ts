import { createFollowCounting, type FollowFigures } from '../../mechanisms/log/following.ts'

/** What was done with the feeds of a namespace since the client was opened. */
export interface FeedFigures extends FollowFigures {
  readonly appended: number
}

export type Counting = { -readonly [Figure in keyof FeedFigures]: number }

export const createCounting = (): Counting => ({ appended: 0, ...createFollowCounting() })
