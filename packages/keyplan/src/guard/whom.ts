/** The server that a call is for, to be named in errors. */
export interface Whom {
  /** `Redis at 127.0.0.1:6379`. */
  readonly name: string
  /** Why there is no link to it, where that is known. */
  readonly error: unknown
}

export const redis: Whom = { name: 'Redis', error: undefined }
