import type { AnyAction } from '../actions/action.ts'
import type { Option } from '../actions/option.ts'
import { columns, type Paint } from '../actions/report.ts'
import { flagOf, optionsOf } from './arguments.ts'

/** What there is, or how one command is used. Derived from the table of actions. */
export function helpOf(action: AnyAction | undefined, actions: readonly AnyAction[], paint: Paint): string {
  return (action ? helpOfAction(action, paint) : helpOfAll(actions, paint)).join('\n')
}

function helpOfAll(actions: readonly AnyAction[], paint: Paint): string[] {
  return [
    'The command line of Keyplan, the Redis layer of an application, declared once.',
    '',
    `Usage: ${paint('bold', 'keyplan <command> [options]')}`,
    '',
    ...listed(
      actions.map(({ name, summary }) => [name, summary]),
      paint,
    ),
    '',
    ...listed(
      Object.entries(optionsOf(undefined)).map(([name, { help }]) => [flagOf(name), help]),
      paint,
    ),
    '',
    'keyplan <command> --help tells the options of a command.',
  ]
}

function helpOfAction(action: AnyAction, paint: Paint): string[] {
  const { name, summary, details, examples = [] } = action
  const options = Object.entries(optionsOf(action))
  const operand = options.filter(([, option]) => option.operand).map(([operand]) => ` [${operand}]`)
  const command = options.filter(([, { kind }]) => kind === 'command').map(([command]) => ` [-- ${command} …]`)
  return [
    summary,
    '',
    `Usage: ${paint('bold', `keyplan ${name} [options]${operand.join('')}${command.join('')}`)}`,
    ...(details ? ['', ...wrapped(details)] : []),
    '',
    ...listed(
      options.flatMap(([name, option]) => [
        [written(name, option), `${option.help}${fallback(option)}`],
        ...choicesOf(option).map(([choice, means]) => ['', `  ${choice}: ${means}`]),
      ]),
      paint,
    ),
    ...(examples.length > 0 ? ['', ...examples.map(example => `  ${paint('dim', '$')} ${example}`)] : []),
  ]
}

function written(name: string, option: Option): string {
  if (option.operand) return name
  if (option.kind === 'command') return `-- ${name} …`
  return option.kind === 'flag' ? flagOf(name) : `${flagOf(name)} <${option.kind === 'choice' ? name : option.kind}>`
}

const choicesOf = (option: Option) => (option.kind === 'choice' ? Object.entries(option.choices) : [])

const fallback = (option: Option) =>
  'default' in option && option.default !== undefined ? ` (default: ${option.default})` : ''

const listed = (rows: readonly (readonly string[])[], paint: Paint) =>
  columns(rows, (cell, column) => (column === 0 ? paint('bold', cell) : cell)).map(line => `  ${line}`)

/** Lines of at most 100 letters, broken between words. */
function wrapped(text: string): string[] {
  return text.match(/.{1,100}(?:\s|$)/g)?.map(line => line.trimEnd()) ?? [text]
}
