import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { RateLimitResult } from '../../kinds/rate-limit/contract.ts'
import type { RateLimitPolicy } from '../../kinds/rate-limit/policy.ts'

/**
 * How a limit is told to clients; times in seconds, rounded up.
 *
 * - `standard`: `RateLimit-Policy: "default";q=100;w=900` and `RateLimit: "default";r=99;t=900`, by the eighth draft of
 *   draft-ietf-httpapi-ratelimit-headers
 * - `draft-6`: `RateLimit-Policy`, `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`, as it was before
 * - `x-ratelimit`: `X-RateLimit-Limit`, `X-RateLimit-Remaining`, and `X-RateLimit-Reset` in seconds since 1970
 */
export type RateHeaders = 'standard' | 'draft-6' | 'x-ratelimit'

export type Header = readonly [name: string, value: string]

interface Told {
  readonly name: string
  /** Units of the policy, and the seconds in which they come back. */
  readonly quota: number
  readonly window: number
  /** Undefined while nobody knows: Redis could not be asked. */
  readonly state: { readonly remaining: number; readonly reset: number } | undefined
}

const styles: Readonly<Record<RateHeaders, (told: Told) => Header[]>> = {
  standard: ({ name, quota, window, state }) => [
    ['RateLimit-Policy', `"${name}";q=${quota};w=${window}`],
    ...(state ? [['RateLimit', `"${name}";r=${state.remaining};t=${state.reset}`] as const] : []),
  ],
  'draft-6': ({ quota, window, state }) => [
    ['RateLimit-Policy', `${quota};w=${window}`],
    ['RateLimit-Limit', String(quota)],
    ...(state ? counted('RateLimit', state.remaining, state.reset) : []),
  ],
  'x-ratelimit': ({ quota, state }) => [
    ['X-RateLimit-Limit', String(quota)],
    ...(state ? counted('X-RateLimit', state.remaining, Math.ceil(Date.now() / 1_000) + state.reset) : []),
  ],
}

const counted = (prefix: string, remaining: number, reset: number): Header[] => [
  [`${prefix}-Remaining`, String(remaining)],
  [`${prefix}-Reset`, String(reset)],
]

/** Headers of which a response may have several, one for each limit: they are added to those before. */
export const isAddedTo = (name: string) => name === 'RateLimit' || name === 'RateLimit-Policy'

export const seconds = (ms: number) => Math.ceil(ms / 1_000)

/** @throws KeyplanError PARAM_INVALID */
export function rateHeadersOf(
  option: RateHeaders | false,
  name: string,
  policy: RateLimitPolicy,
): (result: RateLimitResult) => readonly Header[] {
  // It is written between quotes.
  if (typeof name !== 'string' || !/^[\w .:/-]{1,64}$/.test(name)) {
    const message = `name is ${kindOf(name)}; write 1 to 64 letters, digits, blanks and _ . : / -`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  if (option === false) return () => []
  if (!Object.hasOwn(styles, option)) {
    const known = Object.keys(styles).map(style => `'${style}'`)
    throw new KeyplanError('PARAM_INVALID', `headers is ${shown(option)}; use ${known.join(', ')} or false`)
  }
  // A bucket is told by its size and the time it takes to fill, which is the same rate.
  const quota = policy.capacity / policy.scale
  const window = seconds((policy.windowMs * policy.capacity) / policy.limit)
  return ({ remaining, resetMs, degraded }) => {
    const state = degraded ? undefined : { remaining, reset: seconds(resetMs) }
    return styles[option]({ name, quota, window, state })
  }
}
