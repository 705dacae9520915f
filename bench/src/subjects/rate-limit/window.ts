/** Long enough that no window ends during a run. */
export const windowSeconds = 86_400

/** High enough that every call is allowed. */
export const limit = 1_000_000_000
