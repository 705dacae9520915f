const dayMs = 86_400_000

/** Long enough that a busy tag is seldom begun anew; when it is forgotten, the values that carry it are outdated. */
export const tagLifetime = (ttlMs: number) => 4 * ttlMs + dayMs
