/** What was done with the registries of a namespace since the client was opened. */
export interface RegistryFigures {
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
  /** Events given to those who follow. */
  readonly followed: number
  /** Loops that follow now. */
  readonly followers: number
  /** How often one of them was told that events are missing. */
  readonly gaps: number
  /** Members and events that were read, did not decode and were left out. */
  readonly undecodable: number
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
  followed: 0,
  followers: 0,
  gaps: 0,
  undecodable: 0,
})
