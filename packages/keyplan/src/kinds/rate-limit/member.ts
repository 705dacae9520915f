import type { RateLimitResult } from './contract.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { Space } from './space.ts'
import type { Part, Request } from './store.ts'

/** One key of one namespace. */
export interface Member {
  readonly space: Space
  readonly key: string
  readonly blockKey: string | undefined
  readonly policy: RateLimitPolicy
  /** Its further limits. */
  readonly more: readonly Pick<Part, 'key' | 'policy'>[]
  /** Whether a list has decided already. */
  readonly guest: 'allowed' | 'denied' | undefined
}

export const partOf = (member: Member, cost: number, forced: boolean): Request => ({
  key: member.key,
  blockKey: member.blockKey,
  policy: member.policy,
  cost,
  home: member.space.home,
  more: undefined,
  forced,
})

/** One request to all of them. */
export function requestOf(
  members: readonly Member[],
  costOf: (policy: RateLimitPolicy) => number,
  forced: boolean,
  joined = false,
): Request {
  const parts = members.flatMap(member => [
    partOf(member, costOf(member.policy), forced),
    ...member.more.map(({ key, policy }) => ({
      key,
      blockKey: undefined,
      policy,
      cost: costOf(policy),
      home: member.space.home,
    })),
  ])
  const [first, ...more] = parts as [Request, ...Part[]]
  if (more.length === 0 && !joined) return first
  return { joined, ...first, more: more.length > 0 ? more : undefined }
}

/** The answer to one who is not limited. */
const free = ({ capacity, scale }: RateLimitPolicy): RateLimitResult => {
  const limit = capacity / scale
  return { allowed: true, limit, remaining: limit, resetMs: 0, retryAfterMs: 0 }
}

/** One who is on the list stays denied; the window is when it may have changed. */
const listed = ({ capacity, scale, windowMs }: RateLimitPolicy): RateLimitResult => ({
  allowed: false,
  limit: capacity / scale,
  remaining: 0,
  resetMs: windowMs,
  retryAfterMs: windowMs,
})

const policiesOf = ({ policy, more }: Member) =>
  more.length === 0 ? [policy] : [policy, ...more.map(one => one.policy)]

/** The answers of limits of which none concerns the caller. */
export const unlimited = (members: readonly Member[]) => members.flatMap(member => policiesOf(member).map(free))

/** The answers where a list denies: the others are not asked. */
export const refused = (members: readonly Member[]): RateLimitResult[] =>
  members.flatMap(member => {
    if (member.guest === 'denied') return policiesOf(member).map(listed)
    return policiesOf(member).map(policy => ({ unasked: true as const, ...free(policy) }))
  })

/** The answer of those that were asked, with a place for those that do not concern the caller. */
export function completed(members: readonly Member[], answer: RateLimitResult): RateLimitResult {
  const asked = answer.parts ?? [answer]
  let at = 0
  const parts = members.flatMap(member => {
    if (member.guest === 'allowed') return unlimited([member])
    const from = at
    at += 1 + member.more.length
    return asked.slice(from, at)
  })
  return { ...answer, parts }
}
