import { kindOf } from '../base/error.ts'
import type { ConnectOptions } from './options.ts'

interface Rule {
  readonly fits: (value: unknown) => boolean
  readonly remedy: string
  /** The names within, where the value is a group. */
  readonly names?: readonly string[]
}

const isText = (value: unknown) => typeof value === 'string'
const isFunction = (value: unknown) => typeof value === 'function'
const isGroup = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
const group = (...names: string[]): Rule => ({ fits: isGroup, remedy: `an object with ${names.join(', ')}`, names })
/** Durations say for themselves what is wrong with them. */
const duration: Rule = { fits: () => true, remedy: '' }

const rules: Readonly<Record<keyof ConnectOptions, Rule>> = {
  url: { fits: isText, remedy: 'a URL such as redis://host:6379' },
  password: {
    fits: value => isText(value) || isFunction(value),
    remedy: 'the password, or a function that gives it',
  },
  tls: { fits: isGroup, remedy: 'an object of TLS settings' },
  prefix: { fits: isText, remedy: "text such as 'app:'" },
  start: { fits: value => value === 'optional' || value === 'required', remedy: "'optional' or 'required'" },
  memory: { fits: value => typeof value === 'boolean', remedy: 'true or false' },
  connectTimeout: duration,
  attempt: duration,
  deadline: duration,
  stall: duration,
  pingEvery: duration,
  backoff: group('min', 'max'),
  breaker: group('failures', 'successes', 'probeEvery'),
  waiting: group('calls', 'bytes'),
  log: { fits: isFunction, remedy: 'a function of a level and a line' },
}

/** One sentence for each option that is unknown or of the wrong kind. Never shows a value. */
export function optionProblems(options: object): string[] {
  const problems = unknownNames('', options, Object.keys(rules))
  for (const [name, { fits, remedy, names }] of Object.entries(rules)) {
    const value: unknown = options[name as keyof typeof options]
    if (value === undefined) continue
    if (!fits(value)) problems.push(`${name} is ${kindOf(value)}; write ${remedy}`)
    else if (names) problems.push(...unknownNames(`${name}.`, value as object, names))
  }
  return problems
}

function unknownNames(path: string, given: object, known: readonly string[]): string[] {
  return Object.keys(given)
    .filter(name => !known.includes(name))
    .map(name => {
      const likely = known.find(option => isNear(option.toLowerCase(), name.toLowerCase()))
      return `${path}${name} is not an option${likely ? `; did you mean ${path}${likely}?` : ''}`
    })
}

/** Whether two changed, missing or added letters, or two that changed places, make one of the other. */
function isNear(left: string, right: string): boolean {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...left].entries()) {
    const next = [index + 1]
    for (const [place, other] of [...right].entries()) {
      next.push(Math.min(row[place + 1]! + 1, next[place]! + 1, row[place]! + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row[right.length]! <= 2
}
