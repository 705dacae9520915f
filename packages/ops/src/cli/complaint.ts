import { type ErrorCode, isKeyplanError } from 'keyplan'

/** What went wrong, for a person, a program and the shell. */
export interface Complaint {
  readonly message: string
  readonly code: ErrorCode | 'INTERNAL'
  readonly problems: readonly string[]
  /** As sysexits has it. */
  readonly exitCode: number
}

const internalError = 70

export function complaintOf(error: unknown): Complaint {
  if (isKeyplanError(error)) {
    const { message, code, problems, exitCode } = error
    return { message, code, problems, exitCode }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { message, code: 'INTERNAL', problems: [], exitCode: internalError }
}
