import { isKeyplanError } from 'keyplan'
import { StartProblem } from '../start-problem.ts'

export interface Problem {
  readonly message: string
  /** As sysexits has it. */
  readonly exitCode: number
}

/** Why something could not start, in one line for a person. */
export function findProblem(error: unknown): Problem {
  if (error instanceof StartProblem) return error
  if (isKeyplanError(error)) {
    const isSetting = error.code === 'AUTH_FAILED' || error.code === 'CONFIG_INVALID'
    // Where it names another variable itself, that is the one to correct.
    const isUrl = isSetting && !/\b(ENABLE|REDIS|ELASTICACHE)_(?!URL)[A-Z]+/.test(error.message)
    return { message: `${error.message}${isUrl ? '; correct REDIS_URL' : ''}`, exitCode: error.exitCode }
  }
  return { message: error instanceof Error ? error.message : String(error), exitCode: 70 }
}
