import { KeyplanError, kindOf } from '../../base/error.ts'
import { isWellFormed } from '../../base/unicode.ts'
import { sharedKey, stepsOf, stopOf } from './overlap.ts'
import { type ParamText, paramText } from './param-text.ts'
import type { ParamPart, ParamValues, Part, Pattern } from './pattern.ts'
import { delimiterAt, readSyntax, type Syntax } from './syntax.ts'
import { decodeValue, isDigest } from './value.ts'

export interface PatternOptions {
  /** Literal text before the pattern. Default: none. */
  prefix?: string | undefined
  /** Parameters whose SHA-256 stands in the key. */
  hashed?: readonly string[] | undefined
  /** The keys are other software's: values stand in them as they are. Default: false. */
  verbatim?: boolean | undefined
}

/** A pattern with what there is to say of it. `pattern` is undefined when there are problems. */
export interface PatternReading extends Pick<Syntax, 'problems' | 'warnings'> {
  readonly pattern: Pattern | undefined
}

/** Reads a pattern without throwing, so that a plan can report every problem of every pattern at once. */
export function readPattern(source: string, options: PatternOptions = {}): PatternReading {
  const { prefix = '', hashed, verbatim = false } = options
  const whole = prefix + source
  const syntax = readSyntax(whole, hashed, verbatim)
  const problems = source === '' && prefix !== '' ? ['is empty; write the pattern of its keys'] : syntax.problems
  const { warnings } = syntax
  return { pattern: problems.length > 0 ? undefined : compile(whole, syntax, verbatim), problems, warnings }
}

/** @throws KeyplanError PLAN_INVALID when the pattern is not well formed, with every problem */
export function parsePattern(source: string, options: PatternOptions = {}): Pattern {
  const { pattern, problems } = readPattern(source, options)
  if (!pattern) throw new KeyplanError('PLAN_INVALID', `pattern '${source}' ${problems.join('; and ')}`, { problems })
  return pattern
}

/** The SCAN glob of a pattern: its literal text escaped, each parameter a `*`. */
function globOf(parts: readonly Part[]): string {
  return parts.map(part => ('literal' in part ? part.literal.replace(/[*?[\]\\]/g, '\\$&') : '*')).join('')
}

function includesAny(text: string, chars: string): boolean {
  for (const char of chars) if (text.includes(char)) return true
  return false
}

/** One parameter and the literal text up to the next one. */
interface Field extends ParamPart {
  readonly text: ParamText
  readonly literal: string
  /** Index in `literal` of the character that ends the value; -1 for the last parameter, which ends with the key. */
  readonly delimiter: number
  /** Characters a verbatim value cannot hold. */
  readonly excluded: string
}

function noParams(source: string, fields: readonly Field[], given: unknown): KeyplanError {
  const names = fields.map(({ param }) => param).join(', ')
  return new KeyplanError('PARAM_INVALID', `the params of '${source}' are ${kindOf(given)}; give { ${names} }`)
}

function compile(source: string, { parts, tagged }: Syntax, verbatim: boolean): Pattern {
  const [first] = parts
  const stem = first && 'literal' in first ? first.literal : ''
  const fields = parts.flatMap((part, index): Field[] => {
    if ('literal' in part) return []
    const next = parts[index + 1]
    const literal = next && 'literal' in next ? next.literal : ''
    const last = index + (literal === '' ? 1 : 2) >= parts.length
    const excluded = part.rest ? '' : `:${stopOf(next)}`
    const text = paramText(part, source, verbatim ? excluded : undefined)
    return [{ ...part, text, literal, delimiter: last ? -1 : delimiterAt(literal, verbatim), excluded }]
  })

  const format = (params: ParamValues): string => {
    if (fields.length > 0 && (typeof params !== 'object' || params === null)) throw noParams(source, fields, params)
    let key = stem
    for (const field of fields) key += field.text(params[field.param]) + field.literal
    return key
  }

  const read = (text: string, { rest, hashed, excluded }: Field): string | undefined => {
    if (verbatim) return includesAny(text, excluded) || !isWellFormed(text) ? undefined : text
    if (hashed) return isDigest(text) ? text : undefined
    return decodeValue(text, rest)
  }

  const match = (key: string): Record<string, string> | undefined => {
    if (!key.startsWith(stem)) return undefined
    if (fields.length === 0) return key === stem ? {} : undefined
    const params: Record<string, string> = {}
    let at = stem.length
    for (const field of fields) {
      const { param, literal, delimiter } = field
      const end = delimiter < 0 ? key.length - literal.length : key.indexOf(literal[delimiter]!, at) - delimiter
      if (end <= at || !key.startsWith(literal, end)) return undefined
      const value = read(key.slice(at, end), field)
      if (value === undefined) return undefined
      params[param] = value
      at = end + literal.length
    }
    return params
  }

  const pattern: Pattern = {
    source,
    params: fields.map(({ param }) => param),
    parts,
    stem,
    tagged,
    verbatim,
    format,
    match,
    glob: () => globOf(parts),
    overlaps: other => sharedKey(stepsOf(parts, verbatim), stepsOf(other.parts, other.verbatim)) !== undefined,
  }
  return Object.freeze(pattern)
}
