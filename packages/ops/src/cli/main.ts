import { actions } from '../actions/actions.ts'
import { runCommandLine } from './command-line.ts'
import { processTerminal } from './terminal.ts'

/** The program `keyplan`. It ends by itself once everything is written. */
export async function main(): Promise<void> {
  process.exitCode = await runCommandLine(process.argv.slice(2), actions, {
    env: process.env,
    folder: process.cwd(),
    terminal: processTerminal(process),
  })
}
