import type { ParamPart, Part } from './pattern.ts'
import { delimiterAt } from './syntax.ts'

/** A pattern as an automaton over single characters: a chain of classes, of which some may repeat or be left out. */
export type Step = { readonly literal: string } | Class

interface Class {
  readonly literal?: undefined
  readonly holds: (char: string) => boolean
  /** Any number of times, none included. */
  readonly repeats: boolean
}

/** Belongs to every class a parameter can have, digests included. */
const common = 'A'

const never = (chars: string) => (char: string) => !chars.includes(char)
const encoded = never(':{}<>*?[]\\')
const encodedFirst = never(':{}<>*?[]\\~')
const encodedRest = never('{}<>*?[]\\')
const anything = () => true
const base64url = (char: string) => /[\w-]/.test(char)
const base64urlLast = (char: string) => 'AEIMQUYcgkosw048'.includes(char)

const one = (holds: Class['holds']): Step => ({ holds, repeats: false })
const many = (holds: Class['holds']): Step => ({ holds, repeats: true })
export const literalSteps = (text: string): Step[] => text.split('').map(literal => ({ literal }))
/** What follows the `:~` of a helper key. */
export const suffixSteps: readonly Step[] = [one(anything), many(anything)]

/**
 * The automaton of a pattern's keys. Percent-encoding needs no states of its own: literal text holds no `%`, so in a
 * key that two patterns share, every `%` belongs to a value of both and can be replaced by a letter.
 */
export function stepsOf(parts: readonly Part[], verbatim: boolean): Step[] {
  return parts.flatMap((part, index) => {
    if ('literal' in part) return literalSteps(part.literal)
    if (verbatim) return verbatimSteps(part, parts[index + 1])
    if (part.hashed) return [...Array<Step>(42).fill(one(base64url)), one(base64urlLast)]
    return [one(part.rest ? never('{}<>*?[]\\~') : encodedFirst), many(part.rest ? encodedRest : encoded)]
  })
}

function verbatimSteps(part: ParamPart, next: Part | undefined): Step[] {
  if (part.rest) return [one(anything), many(anything)]
  const holds = never(`:${stopOf(next)}`)
  return [one(holds), many(holds)]
}

/** The character that ends a verbatim value besides `:`, or nothing. */
export function stopOf(next: Part | undefined): string {
  if (!next || !('literal' in next)) return ''
  const at = delimiterAt(next.literal, true)
  return at < 0 ? '' : next.literal[at]!
}

const repeats = (step: Step | undefined) => step !== undefined && step.literal === undefined && step.repeats
const accepts = (step: Step, char: string) => (step.literal === undefined ? step.holds(char) : step.literal === char)

/** A shortest key that both accept, or undefined: a breadth-first walk through the product of the two automata. */
export function sharedKey(left: readonly Step[], right: readonly Step[]): string | undefined {
  const width = right.length + 1
  const seen = new Set<number>([0])
  const queue: { i: number; j: number; text: string }[] = [{ i: 0, j: 0, text: '' }]
  const visit = (i: number, j: number, text: string) => {
    const state = i * width + j
    if (seen.has(state)) return
    seen.add(state)
    queue.push({ i, j, text })
  }
  for (const { i, j, text } of queue) {
    const a = left[i]
    const b = right[j]
    if (!a && !b) return text
    const [aRepeats, bRepeats] = [repeats(a), repeats(b)]
    if (aRepeats) visit(i + 1, j, text)
    if (bRepeats) visit(i, j + 1, text)
    if (!a || !b) continue
    const char = a.literal ?? b.literal ?? common
    if (accepts(a, char) && accepts(b, char)) visit(aRepeats ? i : i + 1, bRepeats ? j : j + 1, text + char)
  }
  return undefined
}
