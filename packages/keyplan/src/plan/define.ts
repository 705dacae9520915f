import { KeyplanError, kindOf } from '../base/error.ts'
import { groupProblems } from '../base/option-group.ts'
import { type Announcer, announcementProblems, announcersOfOneTag } from './announcements.ts'
import { declarationProblems, isDeclaration, isObject, nameProblems, prefixProblems } from './check.ts'
import type { Declaration } from './declaration.ts'
import { isForeign } from './foreign.ts'
import { type Neighbour, overlapProblems } from './neighbours.ts'
import { type PatternReading, readPattern } from './pattern/parse.ts'
import type { Pattern } from './pattern/pattern.ts'
import { type Namespaces, type Plan, sealPlan } from './plan.ts'

export interface PlanOptions {
  /** Literal text before every pattern, e.g. `awareness:`. Configuration may override it. Default: none. */
  prefix?: string
}

/**
 * Declares the keyspace of an application. The result is inert: it opens nothing and may be loaded by any tool.
 *
 * @param name of the application: letters, digits, `-` and `_`; it names links and metrics
 * @throws KeyplanError PLAN_INVALID with every problem of every declaration, also one by one in `problems`
 */
export function definePlan<N extends Namespaces>(name: string, namespaces: N, options: PlanOptions = {}): Plan<N> {
  const problems = groupProblems(options, 'options', ['prefix'])
  const { prefix = '' } = options ?? {}
  const warnings: string[] = []
  if (typeof name !== 'string' || !/^[A-Za-z][\w-]*$/.test(name)) {
    problems.push("the plan's name must begin with a letter and hold letters, digits, '-' and '_' only")
  }
  const wrongPrefix = prefixProblems(prefix)
  problems.push(...wrongPrefix)
  if (wrongPrefix.length === 0 && /\w$/.test(prefix)) {
    warnings.push(`the plan's prefix '${prefix}' does not end with a separator; '${prefix}:' reads better`)
  }

  const tagWarnings: { key: string; warning: string }[] = []
  const patterns: Record<string, Pattern> = {}
  const neighbours: Neighbour[] = []
  const announcers = new Map<string, Announcer>()
  const entries: [string, unknown][] = isObject(namespaces) ? Object.entries(namespaces) : []
  if (!isObject(namespaces)) problems.push(`the namespaces are ${kindOf(namespaces)}; write an object of declarations`)
  else if (entries.length === 0) problems.push('the plan is empty; declare at least one namespace')
  for (const [key, value] of entries) {
    const about = (sentence: string) => `${key}: ${sentence}`
    problems.push(...nameProblems(key).map(about))
    if (!isDeclaration(value)) {
      problems.push(about('is not a declaration; make it with cache(), lock(), foreign() or another kind'))
      continue
    }
    problems.push(...declarationProblems(value, prefix).map(about))
    warnings.push(...(value.warnings ?? []).map(about))
    const reading = read(value, wrongPrefix.length === 0 ? prefix : '')
    problems.push(...reading.problems.map(problem => about(`the pattern '${value.pattern}' ${problem}`)))
    tagWarnings.push(
      ...reading.warnings.map(warning => ({ key, warning: about(`the pattern '${value.pattern}' ${warning}`) })),
    )
    announcers.set(key, { declaration: value, pattern: reading.pattern })
    if (!reading.pattern) continue
    patterns[key] = reading.pattern
    neighbours.push({ name: key, pattern: reading.pattern, space: value.space })
  }
  problems.push(...overlapProblems(neighbours), ...announcementProblems(announcers))
  const meant = announcersOfOneTag(announcers)
  warnings.push(...tagWarnings.flatMap(({ key, warning }) => (meant.has(key) ? [] : [warning])))
  if (problems.length > 0) throw invalid(name, problems)
  return sealPlan({
    name,
    prefix,
    namespaces: Object.freeze({ ...namespaces }),
    patterns: Object.freeze(patterns) as Plan<N>['patterns'],
    warnings: Object.freeze(warnings),
  })
}

/**
 * The same plan under another prefix.
 *
 * @throws KeyplanError PLAN_INVALID when the prefix cannot stand before its patterns
 */
export function withPrefix<N extends Namespaces>(plan: Plan<N>, prefix: string): Plan<N> {
  return prefix === plan.prefix ? plan : definePlan(plan.name, plan.namespaces, { prefix })
}

function read(declaration: Declaration, prefix: string): PatternReading {
  const { pattern, common } = declaration
  if (typeof pattern !== 'string') {
    return { pattern: undefined, problems: [`is ${kindOf(pattern)}; write text such as 'user:<userId>'`], warnings: [] }
  }
  const hashed = Array.isArray(common.hashed) ? common.hashed : []
  return readPattern(pattern, { prefix, hashed, verbatim: isForeign(declaration) })
}

function invalid(name: unknown, problems: readonly string[]): KeyplanError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  const list = problems.map(problem => `\n  - ${problem}`).join('')
  return new KeyplanError('PLAN_INVALID', `plan '${String(name)}' has ${count}:${list}`, { problems })
}
