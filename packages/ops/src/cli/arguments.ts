import { parseArgs } from 'node:util'
import { KeyplanError } from 'keyplan'
import { likely } from 'keyplan/config'
import type { AnyAction } from '../actions/action.ts'
import { type Option, type Options, readOption } from '../actions/option.ts'

/** What every command understands, besides the options of its action. */
export const common = {
  json: { kind: 'flag', help: 'JSON instead of text' },
  help: { kind: 'flag', help: 'shows this' },
} as const satisfies Options

/** Only of commands that cannot be taken back. */
export const confirming = {
  yes: { kind: 'flag', help: 'does not ask first' },
} as const satisfies Options

export interface Arguments {
  /** Undefined when no command was given. */
  readonly action: AnyAction | undefined
  /** By the names of the action's options. */
  readonly input: Readonly<Record<string, unknown>>
  readonly json: boolean
  readonly help: boolean
  readonly yes: boolean
  readonly version: boolean
}

const shorts: Readonly<Record<string, string>> = { h: 'help', v: 'version' }

/** `writeEnv` is `--write-env` on a command line. */
export const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`

/** The options a command line of this action may have, the common ones behind its own. */
export function optionsOf(action: AnyAction | undefined): Options {
  if (!action) return { ...common, version: { kind: 'flag', help: 'shows the version' } }
  return { ...action.input, ...(action.effect === 'destructive' && confirming), ...common }
}

/**
 * Reads a command line by the table of actions.
 *
 * Node's own parser only cuts it into words: what they mean, and what to say of those that mean nothing, is the table's.
 *
 * @throws KeyplanError PARAM_INVALID that names what is wrong and never shows a value
 */
export function readArguments(argv: readonly string[], actions: readonly AnyAction[]): Arguments {
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  const first = own.findIndex(word => !word.startsWith('-'))
  const asked = own[first] === 'help' ? own[first + 1] : own[first]
  const action = asked === undefined ? undefined : actions.find(({ name }) => name === asked)
  if (asked !== undefined && !action) throw unknownCommand(asked, actions)

  const given = new Map<string, unknown>()
  const words = own.filter((_, index) => index !== first)
  const helped = own[first] === 'help'
  if (helped) {
    given.set('help', true)
    words.splice(words.indexOf(asked ?? ''), asked === undefined ? 0 : 1)
  }
  readWords(words, optionsOf(action), action, given)
  const command = commandOf(action)
  if (end >= 0) {
    if (!command) throw wrong(`${action ? `keyplan ${action.name}` : 'keyplan'} runs no command: leave out --`)
    given.set(command, argv.slice(end + 1))
  }
  const flag = (name: string) => given.get(name) === true
  const plain = { action, json: flag('json'), help: flag('help'), yes: flag('yes'), version: flag('version') }
  // Who asks for help need not have got the rest right.
  if (plain.help || !action) return { ...plain, input: {} }
  const input = Object.entries(action.input).map(([name, option]) => [
    name,
    readOption(option, given.get(name), labelOf(name, option)),
  ])
  return { ...plain, input: Object.fromEntries(input) }
}

/** A program is to run, which then has the standard output. */
export function commandIsGiven({ action, input }: Arguments): boolean {
  const command = commandOf(action)
  return command !== undefined && input[command] !== undefined
}

const labelOf = (name: string, { kind, operand }: Option) => (operand ? name : kind === 'command' ? '--' : flagOf(name))

const commandOf = (action: AnyAction | undefined) =>
  Object.entries(action?.input ?? {}).find(([, { kind }]) => kind === 'command')?.[0]

function readWords(
  words: readonly string[],
  options: Options,
  action: AnyAction | undefined,
  given: Map<string, unknown>,
): void {
  const named = Object.entries(options).filter(([, { operand, kind }]) => !operand && kind !== 'command')
  const byFlag = new Map(named.map(([name, option]) => [flagOf(name), { name, option }]))
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      named.map(([name, { kind }]) => [flagOf(name).slice(2), { type: kind === 'flag' ? 'boolean' : 'string' }]),
    ),
    strict: false,
    tokens: true,
  })
  const operand = Object.entries(options).find(([, option]) => option.operand)?.[0]
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (operand === undefined || given.has(operand)) throw tooMany(token.value, action)
      given.set(operand, token.value)
    } else if (token.kind === 'option') {
      const flag = token.rawName.startsWith('--') ? token.rawName : `--${shorts[token.name] ?? token.name}`
      const found = byFlag.get(flag)
      if (!found) throw unknownFlag(token.rawName, [...byFlag.keys()], action)
      const { name, option } = found
      if (option.kind === 'flag') given.set(name, token.value ?? true)
      else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('-'))) {
        throw wrong(`${flag} needs a value`)
      } else given.set(name, token.value)
    }
  }
}

const wrong = (message: string) => new KeyplanError('PARAM_INVALID', message)

/** What is no plain word may be a secret. */
const plainly = (word: string) => (/^-{0,2}[a-z][a-z-]{0,23}$/i.test(word) ? word : undefined)

function unknownCommand(word: string, actions: readonly AnyAction[]): KeyplanError {
  const meant = likely(
    word,
    actions.map(({ name }) => name),
  )
  const remedy = meant ? `did you mean ${meant}?` : `there is ${actions.map(({ name }) => name).join(', ')}`
  return wrong(`${plainly(word) ?? 'that'} is no command of keyplan; ${remedy}`)
}

function tooMany(word: string, action: AnyAction | undefined): KeyplanError {
  const what = `${plainly(word) ?? 'a word'} is one word too many`
  if (commandOf(action)) return wrong(`${what}; write -- before a command: keyplan ${action?.name} -- npm start`)
  return wrong(`${what}; see keyplan ${action?.name ?? ''} --help`)
}

/** Arguments are seen by everyone on the machine who lists its processes. */
const secretive = /pass|secret|token|auth|credential/i

function unknownFlag(raw: string, known: readonly string[], action: AnyAction | undefined): KeyplanError {
  if (secretive.test(raw)) {
    return wrong(
      `${plainly(raw) ?? 'a secret'} is not taken: everyone on this machine can read arguments; ` +
        'set REDIS_PASSWORD, or REDIS_PASSWORD_FILE to the path of a file that holds it',
    )
  }
  const meant = raw.startsWith('--') ? likely(raw, known) : undefined
  const of = action ? `keyplan ${action.name}` : 'keyplan'
  return wrong(
    `${plainly(raw) ?? 'that'} is no option of ${of}; ${meant ? `did you mean ${meant}?` : `see ${of} --help`}`,
  )
}
