import { portHolder } from '@keyplan/local'
import { isKeyplanError } from 'keyplan'
import { isDatabaseDown } from '../database/database.ts'

export interface Problem {
  readonly message: string
  /** As sysexits has it. */
  readonly exitCode: number
}

export async function takenPort(port: number): Promise<string> {
  const holder = await portHolder(port)
  const who = holder ? `${holder.command} (pid ${holder.pid})` : 'another process'
  return `port ${port} is taken by ${who}; end it, or choose another port`
}

/** Why something could not start, in one line for a person. */
export async function findProblem(error: unknown): Promise<Problem> {
  if (isKeyplanError(error)) return { message: error.message, exitCode: error.exitCode }
  if (!(error instanceof Error)) return { message: String(error), exitCode: 70 }
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE' && port !== undefined) return { message: await takenPort(port), exitCode: 73 }
  if (isDatabaseDown(error)) {
    return { message: `the database cannot be reached (${code ?? error.message}); check DATABASE_URL`, exitCode: 69 }
  }
  return { message: error.message, exitCode: 70 }
}
