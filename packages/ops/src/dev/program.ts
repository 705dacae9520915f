import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { KeyplanError } from 'keyplan'
import { type Guardian, signalGroup } from './guardian.ts'

const graceMs = 10_000

export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv
  readonly folder: string
  /** Its reason is the signal that is handed on. */
  readonly ending: AbortSignal
  readonly guardian: Guardian
}

/**
 * Runs a program to its end, with the input and output of this process. When it has to end it gets the signal and 10 s.
 * What it has started ends with it: they are a process group of their own.
 *
 * @returns its exit code, as a shell has it: 128 and the number of the signal that ended it
 * @throws KeyplanError PARAM_INVALID when it cannot be started
 */
export async function runProgram(
  [name, ...args]: readonly [string, ...string[]],
  { env, folder, ending, guardian }: ProgramOptions,
): Promise<number> {
  const child = spawn(name, args, { env, cwd: folder, stdio: 'inherit', detached: true })
  const exit = once(child, 'exit')
  const { pid } = child
  if (pid === undefined) {
    const { code } = (await exit.catch((error: unknown) => error)) as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such program' : code
    throw new KeyplanError('PARAM_INVALID', `${name} cannot be run: ${why}`)
  }
  guardian.group(pid)
  let late: NodeJS.Timeout | undefined
  const end = () => {
    signalGroup(pid, ending.reason as NodeJS.Signals)
    late = setTimeout(signalGroup, graceMs, pid, 'SIGKILL')
  }
  const resized = () => signalGroup(pid, 'SIGWINCH')
  process.on('SIGWINCH', resized)
  ending.addEventListener('abort', end)
  if (ending.aborted) end()
  try {
    const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null]
    return code ?? 128 + constants.signals[signal ?? 'SIGKILL']
  } finally {
    clearTimeout(late)
    process.off('SIGWINCH', resized)
    ending.removeEventListener('abort', end)
    signalGroup(pid, 'SIGKILL')
    guardian.group(undefined)
  }
}
