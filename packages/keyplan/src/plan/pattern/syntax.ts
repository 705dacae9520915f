import { isWellFormed } from '../../base/unicode.ts'
import type { ParamPart, Part } from './pattern.ts'

export interface Syntax {
  readonly parts: readonly Part[]
  readonly tagged: boolean
  /** What is wrong, as sentences without a subject. */
  readonly problems: readonly string[]
  /** What is allowed but probably not meant. */
  readonly warnings: readonly string[]
}

const token = /<([^<>]*)>|([^<>]+)|([<>])/g
const identifier = /^[A-Za-z_]\w*$/
const controlCharacter = /\p{Cc}/u

/** Characters an encoded value never holds, so that a literal with one of them ends the value before it. */
const delimiter = /[:{}*?[\]\\]/
const delimiterInVerbatim = /[:{}]/

/** Where the value before this literal ends: the index of its first delimiter, or -1. */
export function delimiterAt(literal: string, verbatim: boolean): number {
  return literal.search(verbatim ? delimiterInVerbatim : delimiter)
}

/** Reads pattern syntax: literal text, `<name>`, a last `<name...>`, and literal `{…}` as a cluster hash tag. */
export function readSyntax(source: string, hashed: readonly string[] = [], verbatim = false): Syntax {
  const problems: string[] = []
  const parts: Part[] = []
  for (const [text, name, literal] of source.matchAll(token)) {
    if (literal !== undefined) parts.push({ literal })
    else if (name === undefined) problems.push(`has a stray '${text}'; a parameter is written <name>`)
    else {
      const rest = name.endsWith('...')
      const param = rest ? name.slice(0, -3) : name
      if (!identifier.test(param) || param === '__proto__') {
        problems.push(`has a parameter '${text}'; name it with letters, digits and _, such as <userId>`)
      }
      parts.push({ param, rest, hashed: hashed.includes(param) })
    }
  }
  if (source === '') problems.push('is empty; write the pattern of its keys')
  problems.push(...literalProblems(source), ...paramProblems(parts, verbatim))
  for (const name of new Set(hashed)) {
    const known = parts.some(part => 'param' in part && part.param === name)
    if (!known) problems.push(`declares '${name}' hashed, but has no parameter <${name}>`)
  }
  const tag = readTag(source)
  return { parts, tagged: tag.tagged, problems: [...problems, ...tag.problems], warnings: tag.warnings }
}

function literalProblems(source: string): string[] {
  const problems: string[] = []
  if (controlCharacter.test(source)) problems.push('holds a control character; use printable text')
  if (!isWellFormed(source)) problems.push('is ill-formed Unicode; use printable text')
  if (source.includes('%')) problems.push("holds '%', which is kept for encoded values; leave it out")
  if (source.includes(':~')) problems.push("holds ':~', which is kept for helper keys; leave the '~' out")
  return problems
}

function paramProblems(parts: readonly Part[], verbatim: boolean): string[] {
  const problems: string[] = []
  const seen = new Set<string>()
  let before: ParamPart | undefined
  let between = ''
  for (const part of parts) {
    if ('literal' in part) {
      between += part.literal
      continue
    }
    if (seen.has(part.param)) problems.push(`names <${part.param}> twice; give each parameter its own name`)
    seen.add(part.param)
    if (before && !before.rest && delimiterAt(between, verbatim) < 0) {
      problems.push(`cannot tell where <${before.param}> ends and <${part.param}> begins; put ':' between them`)
    }
    before = part
    between = ''
  }
  for (const [index, part] of parts.entries()) {
    if ('param' in part && part.rest && index < parts.length - 1) {
      problems.push(`has <${part.param}...> before its end; only the last part may take the rest of the key`)
    }
  }
  return problems
}

/** Redis hashes what stands between the first `{` and the first `}` after it, and the whole key where that is empty. */
function readTag(source: string): Pick<Syntax, 'tagged' | 'problems' | 'warnings'> {
  const braces = source.replace(/[^{}]+/g, '')
  if (braces === '') return { tagged: false, problems: [], warnings: [] }
  if (source.includes('{}')) {
    return {
      tagged: false,
      problems: ['has an empty hash tag {}, which Redis ignores; put something in it'],
      warnings: [],
    }
  }
  if (braces !== '{}') {
    const problem = /^(\{\})+$/.test(braces)
      ? 'has more than one hash tag; Redis reads only the first'
      : 'has a stray brace; a cluster hash tag is written {…}, a parameter <name>'
    return { tagged: false, problems: [problem], warnings: [] }
  }
  const content = source.slice(source.indexOf('{') + 1, source.indexOf('}'))
  const warnings = identifier.test(content)
    ? [
        `has the literal hash tag {${content}}, which puts all its keys in one slot; a parameter is written <${content}>`,
      ]
    : []
  return { tagged: true, problems: [], warnings }
}
