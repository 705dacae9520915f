import { type Duration, durationMs, KeyplanError } from 'keyplan'
import { likely } from 'keyplan/config'

/** One thing an action can be told. A command line, a route and a form ask for it in their own way, by this datum. */
export type Option = {
  /** One line. */
  readonly help: string
  /** It may be given without its name: the only word of a command line that is not a flag. */
  readonly operand?: boolean
} & (
  | { readonly kind: 'flag' }
  | { readonly kind: 'text' | 'path'; readonly default?: string }
  | { readonly kind: 'port'; readonly default?: number }
  | { readonly kind: 'duration'; readonly default?: Duration }
  /** One of several names, each with what it stands for. */
  | { readonly kind: 'choice'; readonly choices: Readonly<Record<string, string>>; readonly default?: string }
  /** A program and its arguments: all that stands behind `--` of a command line. */
  | { readonly kind: 'command' }
)

export type Options = Readonly<Record<string, Option>>

interface Values {
  flag: boolean
  text: string
  path: string
  port: number
  duration: Duration
  choice: string
  command: readonly [string, ...string[]]
}

type ValueOf<O extends Option> =
  | (O extends { choices: infer C } ? keyof C & string : Values[O['kind']])
  | (O extends { kind: 'flag' } | { default: string | number } ? never : undefined)

/** What an action gets: a value for each of its options. */
export type InputOf<O extends Options> = { readonly [Name in keyof O]: ValueOf<O[Name]> }

/**
 * The value of one option, from text or from JSON; its default where it is not given.
 *
 * @param shown what the caller calls it, for messages
 * @throws KeyplanError PARAM_INVALID
 */
export function readOption(option: Option, given: unknown, shown: string): unknown {
  if (given === undefined || given === null) {
    return option.kind === 'flag' ? false : 'default' in option ? option.default : undefined
  }
  switch (option.kind) {
    case 'flag':
      if (typeof given === 'boolean') return given
      throw refused(`${shown} is a switch and takes no value`)
    case 'port': {
      const port = /^\d{1,5}$/.test(String(given)) ? Number(given) : 0
      if (port >= 1 && port <= 65_535) return port
      throw refused(`${shown} is no port: write a whole number from 1 to 65535`)
    }
    case 'duration':
      durationMs(given as Duration, shown)
      return given
    case 'choice': {
      const choices = Object.keys(option.choices)
      if (choices.some(choice => choice === given)) return given
      const meant = typeof given === 'string' && likely(given, choices)
      throw refused(`${shown} is none of ${choices.join(', ')}${meant ? `; did you mean ${meant}?` : ''}`)
    }
    case 'command':
      if (Array.isArray(given) && given.length > 0 && given.every(word => typeof word === 'string')) return given
      throw refused(`${shown} needs the name of a program`)
    default:
      if (typeof given === 'string' && given !== '') return given
      throw refused(`${shown} needs a value`)
  }
}

function refused(message: string): KeyplanError {
  return new KeyplanError('PARAM_INVALID', message)
}
