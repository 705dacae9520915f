/**
 * Every error the library throws, in one table: the HTTP status and process exit code (sysexits) a caller should
 * answer with, and what kind of trouble it is.
 *
 * - `input`: the caller's code or data is wrong; asking again cannot help.
 * - `link`: the server could not be asked or did not answer. Counts for the circuit breaker.
 * - `state`: the server answered, but cannot serve this now.
 * - `server`: the server refused this one request.
 *
 * For `link` and `state` a namespace's `whenDown` answer applies.
 */
export const errorTable = {
  // A declaration, a parameter or a value is wrong: the caller's code must change.
  PLAN_INVALID: { class: 'input', http: 500, exit: 78, retryable: false },
  PARAM_INVALID: { class: 'input', http: 400, exit: 64, retryable: false },
  VALUE_INVALID: { class: 'input', http: 400, exit: 65, retryable: false },
  CONFIG_INVALID: { class: 'input', http: 500, exit: 78, retryable: false },
  // A stored value does not decode as the namespace declares.
  DECODE_FAILED: { class: 'server', http: 500, exit: 65, retryable: false },
  // The server could not be asked, or did not answer.
  DISCONNECTED: { class: 'link', http: 503, exit: 69, retryable: true },
  TIMEOUT: { class: 'link', http: 504, exit: 75, retryable: true },
  BREAKER_OPEN: { class: 'state', http: 503, exit: 75, retryable: true },
  OVERLOADED: { class: 'state', http: 503, exit: 75, retryable: true },
  PROTOCOL: { class: 'link', http: 502, exit: 76, retryable: true },
  ABORTED: { class: 'input', http: 499, exit: 130, retryable: false },
  CLOSED: { class: 'input', http: 503, exit: 69, retryable: false },
  // The server answered with an error.
  AUTH_FAILED: { class: 'state', http: 500, exit: 77, retryable: false },
  TLS_FAILED: { class: 'state', http: 500, exit: 77, retryable: false },
  NO_PERMISSION: { class: 'server', http: 500, exit: 77, retryable: false },
  WRONG_TYPE: { class: 'server', http: 500, exit: 65, retryable: false },
  READONLY: { class: 'state', http: 503, exit: 75, retryable: true },
  LOADING: { class: 'state', http: 503, exit: 75, retryable: true },
  MASTER_DOWN: { class: 'state', http: 503, exit: 75, retryable: true },
  NO_REPLICAS: { class: 'state', http: 503, exit: 75, retryable: true },
  STORAGE: { class: 'state', http: 503, exit: 74, retryable: true },
  OUT_OF_MEMORY: { class: 'state', http: 507, exit: 75, retryable: true },
  BUSY: { class: 'state', http: 503, exit: 75, retryable: true },
  MAX_CLIENTS: { class: 'state', http: 503, exit: 75, retryable: true },
  CROSS_SLOT: { class: 'input', http: 500, exit: 70, retryable: false },
  CLUSTER_DOWN: { class: 'state', http: 503, exit: 75, retryable: true },
  TRY_AGAIN: { class: 'state', http: 503, exit: 75, retryable: true },
  REDIRECTED: { class: 'state', http: 503, exit: 75, retryable: true },
  UNSUPPORTED: { class: 'server', http: 500, exit: 69, retryable: false },
  SERVER: { class: 'server', http: 502, exit: 70, retryable: false },
  // Locks.
  LOCK_BUSY: { class: 'server', http: 409, exit: 75, retryable: true },
  LOCK_LOST: { class: 'server', http: 409, exit: 75, retryable: true },
  // Operations that run once.
  ONCE_RUNNING: { class: 'server', http: 409, exit: 75, retryable: true },
  ONCE_FAILED: { class: 'server', http: 500, exit: 70, retryable: false },
  ONCE_UNKNOWN: { class: 'server', http: 409, exit: 70, retryable: false },
  ONCE_MISMATCH: { class: 'input', http: 422, exit: 65, retryable: false },
  ONCE_LOST: { class: 'server', http: 409, exit: 75, retryable: true },
  // Documents.
  DOCUMENT_CONFLICT: { class: 'server', http: 409, exit: 75, retryable: true },
  // Registries: it is no member any more.
  MEMBERSHIP_LOST: { class: 'server', http: 409, exit: 75, retryable: true },
  // Sessions: what was to be changed is another version by now.
  VERSION_CONFLICT: { class: 'server', http: 409, exit: 75, retryable: true },
} as const satisfies Record<string, { class: ErrorClass; http: number; exit: number; retryable: boolean }>

export type ErrorClass = 'input' | 'link' | 'state' | 'server'

export type ErrorCode = keyof typeof errorTable

/**
 * What became of a write: `not-executed` never reached the server (or was refused by it), `unknown` was sent
 * and no reply came, so it may have run. Reads carry it too: it says whether the request was sent.
 */
export type Outcome = 'not-executed' | 'unknown'

export interface ErrorDetail {
  outcome?: Outcome
  cause?: unknown
  /** The namespace and operation that failed, e.g. `userProfile` and `get`. Never a key, a value or a secret. */
  namespace?: string
  operation?: string
  /** Stands for the key, which is never told: `redis.<namespace>.mark(params)` gives the same in this process. */
  mark?: string | undefined
  /** Single problems, where one error reports several. */
  problems?: readonly string[]
}

const brand = Symbol.for('keyplan.error')

/** The one error class. Recognise it with {@link isKeyplanError}, which also works across two copies of the package. */
export class KeyplanError extends Error {
  readonly code: ErrorCode
  readonly outcome: Outcome | undefined
  readonly problems: readonly string[]
  namespace: string | undefined
  operation: string | undefined
  /** Stands for the key it is about, where that is one: `redis.<namespace>.mark(params)` gives the same in this process. */
  mark: string | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'KeyplanError'
    this.code = code
    this.outcome = detail.outcome
    this.problems = detail.problems ?? []
    this.namespace = detail.namespace
    this.operation = detail.operation
    this.mark = detail.mark
    Object.defineProperty(this, brand, { value: true })
  }

  /** What a logger should write: `message` is no enumerable property of an error. */
  toJSON() {
    const { name, code, message, outcome, namespace, operation, mark } = this
    const problems = this.problems.length > 0 ? this.problems : undefined
    return { name, code, message, outcome, namespace, operation, mark, problems }
  }

  /** The HTTP status a server should answer with. */
  get httpStatus(): number {
    return errorTable[this.code].http
  }

  /** The exit code a command-line program should end with (sysexits). */
  get exitCode(): number {
    return errorTable[this.code].exit
  }

  /** Whether the same request may succeed later. Says nothing of whether it already ran: see `outcome`. */
  get retryable(): boolean {
    return errorTable[this.code].retryable
  }
}

export function isKeyplanError(value: unknown, code?: ErrorCode): value is KeyplanError {
  return (
    typeof value === 'object' &&
    value !== null &&
    brand in value &&
    (code === undefined || (value as unknown as KeyplanError).code === code)
  )
}

/** Whether Redis could not serve the request, so that a namespace's `whenDown` answer applies. */
export function isUnavailable(error: unknown): error is KeyplanError {
  if (!isKeyplanError(error)) return false
  const { class: kind } = errorTable[error.code]
  return kind === 'link' || kind === 'state'
}

/** Names the kind of a value for an error message without showing the value, which may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value === '') return 'an empty string'
  const type = typeof value
  return type === 'undefined' ? 'undefined' : `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`
}

/** More would be no slip of the pen, but perhaps a secret. */
const longestShown = 40

/**
 * A wrong value as it was written, where it is known to be no secret: `'10 mins'`, `5`. Text that is long or holds
 * control characters, and everything else, is named by its kind.
 */
export function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string' || value === '' || value.length > longestShown || /\p{C}/u.test(value)) {
    return kindOf(value)
  }
  return `'${value}'`
}
