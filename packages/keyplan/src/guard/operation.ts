/** One row of a kind's operations table: how the guard treats a step of its store. */
export interface Operation {
  /** Running it twice has the effect of running it once, so it may be sent again after an unknown outcome. */
  readonly idempotent: boolean
  /** It changes data. */
  readonly write: boolean
  /** One try takes at most this long, in milliseconds, where the connection's `attempt` is too patient. */
  readonly attempt?: number
}

/** The table of a kind: one row for each step of its store. */
export type Operations<Store> = { readonly [Step in keyof Store]: Operation }
