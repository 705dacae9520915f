import { isKeyplanError } from 'keyplan'
import { isDatabaseDown } from '../database/database.ts'
import { HttpError } from './http-error.ts'

const again = { headers: { 'retry-after': '1' } }

/** The answer for an error of another layer; `undefined` for one that is nobody's to expect. */
export function explain(error: unknown): HttpError | undefined {
  if (isKeyplanError(error, 'LOCK_BUSY')) {
    return new HttpError(409, 'LOCK_BUSY', 'another instance is at work on this record; send it again', again)
  }
  if (isKeyplanError(error)) {
    return new HttpError(error.httpStatus, error.code, error.message, error.retryable ? again : {})
  }
  if (isDatabaseDown(error)) {
    return new HttpError(503, 'DATABASE_UNAVAILABLE', 'the database cannot be reached; send it again', again)
  }
  return undefined
}
