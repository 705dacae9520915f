import { formatDuration } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { RateLimitNamespace, Terms } from './contract.ts'
import { guestList } from './guests.ts'
import { Limit } from './limit.ts'
import type { Member } from './member.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { RateLimitSettings } from './settings.ts'
import type { Space } from './space.ts'
import { overridden } from './tiers.ts'

/** Most limits that callers made up, rather than declared, whose policies are kept for the next call. */
const mostTerms = 1_000

export function openRateLimits(space: Space, settings: RateLimitSettings, pattern: Pattern): RateLimitNamespace {
  const { policies } = settings
  const { name } = space.home
  const allows = guestList(settings.allow, `allow of ${name}`)
  const denies = guestList(settings.deny, `deny of ${name}`)
  const policiesOf = createTerms(settings, name)
  const others = policies.slice(1).map(({ windowMs }) => formatDuration(windowMs))
  const keysOf = (key: string) => others.map(window => helperKey(key, pattern.tagged, window))
  const blockKeyOf = (key: string) => (policies[0]?.block ? helperKey(key, pattern.tagged, 'block') : undefined)

  return (params, terms) => {
    const key = pattern.format(params)
    const guest = denies?.(params) ? 'denied' : allows?.(params) ? 'allowed' : undefined
    const chosen = terms === undefined ? policies : policiesOf(terms)
    const member: Member = {
      space,
      key,
      blockKey: blockKeyOf(key),
      policy: chosen[0]!,
      more: chosen.length > 1 ? keysOf(key).map((other, index) => ({ key: other, policy: chosen[index + 1]! })) : none,
      guest,
    }
    return new Limit(member, undefined)
  }
}

const none: Member['more'] = []

/** The policies of a tier, or of figures that one call gives. */
function createTerms({ policies, tiers }: RateLimitSettings, name: string) {
  const known = new Map<string, readonly RateLimitPolicy[]>()
  return (terms: Terms): readonly RateLimitPolicy[] => {
    if (typeof terms !== 'object' || terms === null) {
      throw refused(`the terms of ${name} are ${kindOf(terms)}; write { tier } or { limit }`)
    }
    const { tier, ...figures } = terms
    if (tier !== undefined) {
      const found = tiers.get(tier)
      if (!found) throw refused(`tier is ${shown(tier)}; ${name} declares ${[...tiers.keys()].join(', ') || 'none'}`)
      if (Object.keys(figures).length > 0) throw refused('a tier stands beside other figures; give one of the two')
      return found
    }
    const text = textOf(figures)
    const found = text === undefined ? undefined : known.get(text)
    if (found) return found
    const problems: string[] = []
    const made = overridden(policies, figures, problems)
    if (problems[0]) throw refused(problems[0])
    if (known.size >= mostTerms) known.clear()
    if (text !== undefined) known.set(text, made)
    return made
  }
}

/** Undefined for what has no figures in it, such as a bigint, and is about to be refused by name. */
function textOf(figures: object): string | undefined {
  try {
    return JSON.stringify(figures)
  } catch {
    return undefined
  }
}

const refused = (message: string) => new KeyplanError('PARAM_INVALID', message)
