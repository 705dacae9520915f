import { shown } from '../base/error.ts'
import { likely } from '../base/likely.ts'
import type { Declaration } from './declaration.ts'
import type { Pattern } from './pattern/pattern.ts'

/** A namespace of a plan, with its pattern where that is well formed. */
export interface Announcer {
  readonly declaration: Declaration
  readonly pattern: Pattern | undefined
}

/** One sentence for each namespace whose changes cannot be announced where it says. */
export function announcementProblems(namespaces: ReadonlyMap<string, Announcer>): string[] {
  return [...namespaces].flatMap(([name, announcer]) =>
    problemsOf(announcer, namespaces).map(problem => `${name}: ${problem}`),
  )
}

function problemsOf({ declaration, pattern }: Announcer, namespaces: ReadonlyMap<string, Announcer>): string[] {
  const { announce, gathers } = declaration
  if (announce === undefined) return []
  const target = typeof announce === 'string' ? namespaces.get(announce) : undefined
  if (!target) {
    const meant = likely(String(announce), [...namespaces.keys()])
    return [
      `announce is ${shown(announce)}, which is no namespace of the plan${meant ? `; did you mean ${meant}?` : ''}`,
    ]
  }
  if (target.declaration.kind !== 'channel') {
    return [`announce names ${announce}, which is no channel; declare it with channel()`]
  }
  if (!pattern || !target.pattern) return []
  const unknown = target.pattern.params.filter(param => !pattern.params.includes(param) || param === gathers)
  if (unknown.length > 0 && unknown[0] === gathers) {
    return [`announce names ${announce}, whose '${gathers}' names one member; leave it out, they share a channel`]
  }
  if (unknown.length > 0) {
    return [`announce names ${announce}, whose '${unknown[0]}' is no parameter of '${pattern.source}'`]
  }
  const { hashed = [] } = declaration.common
  const secret = target.pattern.params.find(
    param => hashed.includes(param) && !target.declaration.common.hashed?.includes(param),
  )
  if (secret !== undefined) {
    return [
      `announce names ${announce}, in whose names '${secret}' would be told, which is hashed here; leave it out there`,
    ]
  }
  const { sharded, reliable } = target.declaration.facts
  if (!sharded && !reliable) return []
  const what = sharded ? 'sharded' : 'reliable'
  if (gathers !== undefined) {
    if (sameTag(pattern, target.pattern) && !tagOf(pattern)?.includes(`<${gathers}>`)) return []
    return [
      `announce names ${announce}, which is ${what} and may lie in another slot of a cluster; give both the same hash ` +
        `tag, without '${gathers}'`,
    ]
  }
  if (pattern.source === target.pattern.source || sameTag(pattern, target.pattern)) return []
  return [
    `announce names ${announce}, which is ${what} and may lie in another slot of a cluster; give both the same pattern, ` +
      'or the same hash tag',
  ]
}

/** Those whose hash tag is that of the channel on which they announce, and these channels: it is meant. */
export function announcersOfOneTag(namespaces: ReadonlyMap<string, Announcer>): ReadonlySet<string> {
  return new Set(
    [...namespaces].flatMap(([name, { declaration, pattern }]) => {
      const { announce = '' } = declaration
      const target = namespaces.get(announce)
      return pattern && target?.pattern && sameTag(pattern, target.pattern) ? [name, announce] : []
    }),
  )
}

/** What decides on the slot is the same text in both, whatever the params are. */
function sameTag(left: Pattern, right: Pattern): boolean {
  return left.tagged && right.tagged && tagOf(left) === tagOf(right)
}

const tagOf = ({ source }: Pattern) => /\{([^}]+)\}/.exec(source)?.[1]
