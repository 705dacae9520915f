import { collect } from '../base/collect.ts'
import { kindOf, shown } from '../base/error.ts'
import { groupProblems } from '../base/option-group.ts'
import { sizeBytes } from '../base/size.ts'
import type { Declaration, NamespaceOptions } from './declaration.ts'
import { readSyntax } from './pattern/syntax.ts'

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a value of a plan was made by a declaration function. */
export function isDeclaration(value: unknown): value is Declaration {
  if (!isObject(value)) return false
  const { kind, common, problems } = value as Partial<Declaration>
  return typeof kind === 'string' && 'pattern' in value && isObject(common) && Array.isArray(problems)
}

/** What is wrong with the name of a namespace. */
export function nameProblems(name: string): string[] {
  if (name === 'then') return ["cannot be named 'then': await would take the client for a promise"]
  if (name.startsWith('$')) return ["begins with '$', which is kept for the client's own verbs"]
  if (!/^[A-Za-z]\w*$/.test(name)) {
    return ['is not a usable name; begin with a letter and use letters, digits and _ only']
  }
  return name in Object.prototype || name === 'toJSON' ? ['is a name every object has; choose another'] : []
}

/** What is wrong with the prefix of a plan. */
export function prefixProblems(prefix: unknown): string[] {
  if (typeof prefix !== 'string') return [`the plan's prefix is ${kindOf(prefix)}; write text such as 'app:'`]
  if (prefix === '') return []
  const { parts, problems } = readSyntax(prefix)
  const params = parts.some(part => 'param' in part) ? ['holds a parameter; it must be literal text'] : []
  return [...problems, ...params].map(problem => `the plan's prefix '${prefix}' ${problem}`)
}

/** What is wrong with a declaration besides the syntax of its pattern. */
export function declarationProblems({ pattern, common, problems }: Declaration, prefix: unknown): string[] {
  const found = [...problems]
  if (typeof prefix === 'string' && prefix !== '' && String(pattern).startsWith(prefix)) {
    found.push(`the pattern '${pattern}' repeats the plan's prefix; write '${pattern.slice(prefix.length)}'`)
  }
  return [...found, ...commonProblems(common)]
}

const counts = ['maxLag', 'maxPending', 'maxDepth'] as const

function commonProblems(common: NamespaceOptions): string[] {
  const { doc, owner, budget, hashed, minHitRatio } = common
  const found: string[] = []
  const expect = (fits: boolean, name: string, value: unknown, remedy: string) => {
    if (value !== undefined && !fits) found.push(`${name} is ${shown(value)}; ${remedy}`)
  }
  expect(typeof doc === 'string', 'doc', doc, 'write a sentence')
  expect(typeof owner === 'string', 'owner', owner, 'name a team or a person')
  expect(Array.isArray(hashed), 'hashed', hashed, 'list the names of parameters')
  expect(isShare(minHitRatio), 'minHitRatio', minHitRatio, 'give a share from 0 to 1')
  for (const name of counts) {
    expect(isCount(common[name]), name, common[name], 'give a whole number from 0')
  }
  if (budget === undefined) return found
  found.push(...groupProblems(budget, 'budget', ['keys', 'bytes']))
  const { keys, bytes } = budget ?? {}
  expect(isCount(keys), 'budget.keys', keys, 'give a whole number from 0')
  if (bytes !== undefined) collect(found, () => sizeBytes(bytes, 'budget.bytes', shown), 0)
  return found
}

const isShare = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
