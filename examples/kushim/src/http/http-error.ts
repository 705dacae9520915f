/** An answer other than success. Only what is put here reaches the client: no cause, no stack. */
export class HttpError extends Error {
  readonly status: number
  readonly code: string
  readonly field: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    detail: { field?: string; headers?: Record<string, string> } = {},
  ) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.code = code
    this.field = detail.field
    this.headers = detail.headers ?? {}
  }
}

export function badInput(field: string, problem: string): HttpError {
  return new HttpError(400, 'BAD_INPUT', `${field} ${problem}`, { field })
}

export function notFound(what: string): HttpError {
  return new HttpError(404, 'NOT_FOUND', `${what} was not found`)
}
