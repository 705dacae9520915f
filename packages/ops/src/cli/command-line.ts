import { KeyplanError } from 'keyplan'
import type { AnyAction, Context } from '../actions/action.ts'
import type { Report } from '../actions/report.ts'
import { type Arguments, commandIsGiven, readArguments } from './arguments.ts'
import { complaintOf } from './complaint.ts'
import { watchForEnding } from './ending.ts'
import { helpOf } from './help.ts'
import type { Output, Terminal } from './terminal.ts'
import { ownVersion } from './version.ts'

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  readonly folder: string
  readonly terminal: Terminal
}

const usage = 64

/** Runs one command line over a table of actions. Resolves with the exit code, whatever happens. */
export async function runCommandLine(
  argv: readonly string[],
  actions: readonly AnyAction[],
  surroundings: Surroundings,
): Promise<number> {
  const { out, err } = surroundings.terminal
  try {
    const given = readArguments(argv, actions)
    const { action, help, version } = given
    if (version) out.line(await ownVersion())
    else if (help) out.line(helpOf(action, actions, out.paint))
    else if (action) return await runAction(action, given, surroundings)
    else {
      err.line(helpOf(undefined, actions, err.paint))
      return usage
    }
    return 0
  } catch (error) {
    const { exitCode, message, ...rest } = complaintOf(error)
    if (asksForJson(argv)) out.line(JSON.stringify({ error: { message, ...rest } }))
    else err.line(`${err.paint('red', 'keyplan:')} ${message}`)
    if (surroundings.env.KEYPLAN_DEBUG === '1' && error instanceof Error) err.line(String(error.stack))
    return exitCode
  }
}

/** Also where the command line could not be read. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return end < 0 && argv.includes('--json')
}

async function runAction(
  action: AnyAction,
  given: Arguments,
  { env, folder, terminal }: Surroundings,
): Promise<number> {
  if (action.effect === 'destructive' && !given.yes) await confirm(action, terminal)
  const { out, err } = terminal
  // What a program writes that is run is its own.
  const output = commandIsGiven(given) ? err : out
  const ending = action.effect === 'run' ? watchForEnding() : undefined
  const context: Context = {
    env,
    folder,
    ending: ending?.signal ?? new AbortController().signal,
    tell: report => show(report, given.json, output),
    note: line => {
      if (!given.json) err.line(err.paint('dim', line))
    },
  }
  try {
    const report = await action.run(given.input, context)
    show(report, given.json, output)
    return report.exitCode ?? 0
  } finally {
    ending?.close()
  }
}

function show({ data, text }: Report, json: boolean, output: Output): void {
  if (json && data !== undefined) output.line(JSON.stringify(data))
  else if (!json && text) output.line(text(output.paint))
}

/** @throws KeyplanError ABORTED unless a person says yes */
async function confirm({ name, summary }: AnyAction, { ask }: Terminal): Promise<void> {
  if (!ask) {
    throw new KeyplanError(
      'PARAM_INVALID',
      `keyplan ${name} cannot be taken back: write --yes where nobody can be asked`,
    )
  }
  const answer = await ask(`keyplan ${name}: ${summary}\nThis cannot be taken back. Go on? [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new KeyplanError('ABORTED', `keyplan ${name} was not confirmed`)
}
