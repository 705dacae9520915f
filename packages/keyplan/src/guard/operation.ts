/** One row of a kind's operations table: how the guard treats a step of its store. */
export interface Operation {
  /** Running it twice has the effect of running it once, so it may be sent again after an unknown outcome. */
  readonly idempotent: boolean
  /** It changes data. */
  readonly write: boolean
  /** Where a fallback is at hand: the longest the one try may take, in milliseconds. */
  readonly attempt?: number
  /** Where a fallback is at hand: wait for a link that was lost a moment ago, as long as a try may take, before falling back. */
  readonly hold?: boolean
}

/** The table of a kind: one row for each step of its store. */
export type Operations<Store> = { readonly [Step in keyof Store]: Operation }
