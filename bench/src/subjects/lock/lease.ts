/** How long a lock would live if it were not released. */
export const leaseMilliseconds = 15_000
