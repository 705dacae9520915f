import { createFollowCounting, type FollowFigures } from '../../mechanisms/log/following.ts'

/** What was done with the registries of a namespace since the client was opened. */
export interface RegistryFigures extends FollowFigures {
  /** Members of this process now. */
  readonly members: number
  /** Calls by which this process said that its members are alive. */
  readonly beats: number
  /** Of these, how many failed. */
  readonly failedBeats: number
  readonly joined: number
  /** Members that had been taken off the list and are on it again. */
  readonly rejoined: number
  /** Members whose name another process has taken. */
  readonly replaced: number
  readonly left: number
  /** Members of whatever process that this one took off the list because their lease had ended. */
  readonly expired: number
}

export type Counting = { -readonly [Figure in Exclude<keyof RegistryFigures, 'members'>]: number }

export const createCounting = (): Counting => ({
  beats: 0,
  failedBeats: 0,
  joined: 0,
  rejoined: 0,
  replaced: 0,
  left: 0,
  expired: 0,
  ...createFollowCounting(),
})
