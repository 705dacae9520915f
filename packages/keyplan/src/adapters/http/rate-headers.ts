import { formatDuration } from '../../base/duration.ts'
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

/** What is left of a limit. */
interface Left {
  readonly quota: number
  readonly remaining: number
  readonly reset: number
}

/** One of the limits that a request counts against: `quota` units come back in `window` seconds. */
interface Told extends Left {
  readonly name: string
  readonly window: number
  /** Whether it was asked what is left. */
  readonly asked: boolean
}

/** `known` is false while nobody knows what remains: Redis could not be asked. */
type Style = (limits: readonly Told[], tightest: Left, known: boolean) => Header[]

const styles: Readonly<Record<RateHeaders, Style>> = {
  standard: (limits, _, known) => [
    ['RateLimit-Policy', limits.map(({ name, quota, window }) => `"${name}";q=${quota};w=${window}`).join(', ')],
    ...(known
      ? [
          [
            'RateLimit',
            limits
              .filter(({ asked }) => asked)
              .map(({ name, remaining, reset }) => `"${name}";r=${remaining};t=${reset}`)
              .join(', '),
          ] as const,
        ]
      : []),
  ],
  'draft-6': (limits, { quota, remaining, reset }, known) => [
    ['RateLimit-Policy', limits.map(limit => `${limit.quota};w=${limit.window}`).join(', ')],
    ['RateLimit-Limit', String(quota)],
    ...(known ? counted('RateLimit', remaining, reset) : []),
  ],
  'x-ratelimit': (_, { quota, remaining, reset }, known) => [
    ['X-RateLimit-Limit', String(quota)],
    ...(known ? counted('X-RateLimit', remaining, Math.ceil(Date.now() / 1_000) + reset) : []),
  ],
}

const counted = (prefix: string, remaining: number, reset: number): Header[] => [
  [`${prefix}-Remaining`, String(remaining)],
  [`${prefix}-Reset`, String(reset)],
]

/** Headers of which a response may have several, one for each limit: they are added to those before. */
export const isAddedTo = (name: string) => name === 'RateLimit' || name === 'RateLimit-Policy'

export const seconds = (ms: number) => Math.ceil(ms / 1_000)

/** What each of several limits is called: by its window, of which there is one each. */
export const limitNames = (name: string, policies: readonly RateLimitPolicy[]) =>
  policies.map(policy => (policies.length === 1 ? name : `${name} ${formatDuration(policy.windowMs)}`))

/** @throws KeyplanError PARAM_INVALID */
export function limitName(name: unknown): string {
  // It is written between quotes.
  if (typeof name === 'string' && /^[\w .:/-]{1,64}$/.test(name)) return name
  const message = `name is ${kindOf(name)}; write 1 to 64 letters, digits, blanks and _ . : / -`
  throw new KeyplanError('PARAM_INVALID', message)
}

/**
 * Gives what tells an answer by the policies that it was counted against, in order.
 *
 * @param names of the limits, in order
 * @throws KeyplanError PARAM_INVALID
 */
export function rateHeadersOf(
  option: RateHeaders | false,
  names: readonly string[],
): (result: RateLimitResult, policies: readonly RateLimitPolicy[]) => readonly Header[] {
  if (option === false) return () => []
  if (!Object.hasOwn(styles, option)) {
    const known = Object.keys(styles).map(style => `'${style}'`)
    throw new KeyplanError('PARAM_INVALID', `headers is ${shown(option)}; use ${known.join(', ')} or false`)
  }

  return (result, policies) => {
    const limits = (result.parts ?? [result]).map((part, index) => told(part, names[index]!, policies[index]!))
    return styles[option](limits, left(result), !result.degraded)
  }
}

const left = ({ limit, remaining, resetMs }: RateLimitResult): Left => ({
  quota: Math.floor(limit),
  remaining: Math.floor(remaining),
  reset: seconds(resetMs),
})

const told = (part: RateLimitResult, name: string, { windowMs, capacity, limit }: RateLimitPolicy): Told => ({
  name,
  // A bucket is told by its size and the time it takes to fill, which is the same rate.
  window: seconds((windowMs * capacity) / limit),
  asked: !part.unasked,
  ...left(part),
})
