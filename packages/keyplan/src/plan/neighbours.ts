import type { Declaration } from './declaration.ts'
import { helperSteps } from './pattern/helper-key.ts'
import { type Step, sharedKey, stepsOf } from './pattern/overlap.ts'
import type { Pattern } from './pattern/pattern.ts'

/** A namespace as its neighbours see it: the keys it can produce. */
export interface Neighbour {
  readonly name: string
  readonly pattern: Pattern
  readonly space: Declaration['space']
}

/** The automata of a namespace, each with the literal text it begins with: most pairs differ there already. */
interface Territory extends Neighbour {
  readonly main: readonly Step[]
  /** Empty where a namespace has no helper keys: channels and keys of other software. */
  readonly helpers: readonly Step[]
  readonly helperStem: string
}

/** One sentence for each two namespaces that can produce the same key, or the same channel. */
export function overlapProblems(neighbours: readonly Neighbour[]): string[] {
  const territories = neighbours.map(territoryOf)
  const problems: string[] = []
  for (const [index, left] of territories.entries()) {
    for (const right of territories.slice(index + 1)) {
      if (left.space !== right.space) continue
      const key = sharedBy(left, right)
      if (key === undefined) continue
      problems.push(
        `${left.name} and ${right.name}: the patterns '${left.pattern.source}' and '${right.pattern.source}' ` +
          `can both produce the ${left.space} '${shortened(key)}'; begin each with its own text`,
      )
    }
  }
  return problems
}

function territoryOf(neighbour: Neighbour): Territory {
  const { pattern, space } = neighbour
  const helpers = space === 'channel' || pattern.verbatim ? [] : helperSteps(pattern)
  const helperStem = pattern.tagged ? pattern.stem : `{${pattern.stem}`
  return { ...neighbour, main: stepsOf(pattern.parts, pattern.verbatim), helpers, helperStem }
}

function sharedBy(left: Territory, right: Territory): string | undefined {
  const [leftStem, rightStem] = [left.pattern.stem, right.pattern.stem]
  return (
    shared(leftStem, left.main, rightStem, right.main) ??
    shared(leftStem, left.main, right.helperStem, right.helpers) ??
    shared(left.helperStem, left.helpers, rightStem, right.main) ??
    shared(left.helperStem, left.helpers, right.helperStem, right.helpers)
  )
}

function shared(leftStem: string, left: readonly Step[], rightStem: string, right: readonly Step[]) {
  if (left.length === 0 || right.length === 0) return undefined
  if (!leftStem.startsWith(rightStem) && !rightStem.startsWith(leftStem)) return undefined
  return sharedKey(left, right)
}

const shortened = (key: string) => (key.length > 80 ? `${key.slice(0, 77)}...` : key)
