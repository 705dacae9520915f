/** Long enough that no window ends during a run. */
export const windowSeconds = 86_400

/** High enough that every call is allowed. */
export const limit = 1_000_000_000

/** For the algorithms that count in units × milliseconds: high enough as well, and exact. */
export const ownLimit = 1_000_000
export const ownWindow = '1h'

/** Used up by the first call. */
export const blockedLimit = 1
