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

/** A set of keys: the literal text all begin with, and the automaton, made when that text does not tell them apart. */
interface Keys {
  readonly stem: string
  steps(): readonly Step[]
}

interface Territory extends Neighbour {
  readonly main: Keys
  /** Channels and keys of other software have none. */
  readonly helpers: Keys | undefined
}

function territoryOf(neighbour: Neighbour): Territory {
  const { pattern, space } = neighbour
  const { stem, tagged, parts, verbatim } = pattern
  const main = keys(stem, () => stepsOf(parts, verbatim))
  const helpers = keys(tagged ? stem : `{${stem}`, () => helperSteps(pattern))
  return { ...neighbour, main, helpers: space === 'channel' || verbatim ? undefined : helpers }
}

function keys(stem: string, make: () => readonly Step[]): Keys {
  let made: readonly Step[] | undefined
  return {
    stem,
    steps() {
      made ??= make()
      return made
    },
  }
}

/**
 * A key of both. No encoded main key holds the `:~` of a helper key, so main and helper keys only meet where other
 * software writes the main ones; and two helper keys of the same form are equal only where their main keys are.
 */
function sharedBy(left: Territory, right: Territory): string | undefined {
  const pairs: [Keys, Keys][] = [[left.main, right.main]]
  if (left.pattern.verbatim && right.helpers) pairs.push([left.main, right.helpers])
  if (right.pattern.verbatim && left.helpers) pairs.push([left.helpers, right.main])
  const otherForm = left.pattern.tagged !== right.pattern.tagged
  if (otherForm && left.helpers && right.helpers) pairs.push([left.helpers, right.helpers])
  for (const [a, b] of pairs) {
    if (!a.stem.startsWith(b.stem) && !b.stem.startsWith(a.stem)) continue
    const key = sharedKey(a.steps(), b.steps())
    if (key !== undefined) return key
  }
  return undefined
}

const shortened = (key: string) => (key.length > 80 ? `${key.slice(0, 77)}...` : key)
