/** A record and what is related to it, up to `depth` links away. */
export interface ContextGroup {
  readonly recordId: string
  readonly depth: number
  readonly title: string
  /** Nearest first, then those that share most; pinned ones before all. */
  readonly members: readonly ContextMember[]
  /** More records are in reach than a group holds. */
  readonly truncated: boolean
}

export interface ContextMember {
  readonly recordId: string
  readonly title: string
  readonly platform: string
  /** Links away from the record; `null` for a pinned one out of reach. */
  readonly distance: number | null
  /** What it shares with the record it was reached from, as `kind:value`. */
  readonly shared: readonly string[]
  readonly pinned: boolean
}

export interface ContextEdits {
  /** `null` for the record's own title. */
  readonly title: string | null
  readonly pinned: readonly string[]
  readonly removed: readonly string[]
}

export const depths = { least: 0, most: 5, usual: 2 } as const

/** The most members of a group. */
export const memberLimit = 200
