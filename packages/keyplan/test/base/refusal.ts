import { isKeyplanError } from '../../src/base/error.ts'

/** Code and message of the KeyplanError that `work` throws; anything else is a failure of the test. */
export function refusal(work: () => unknown): string {
  let result: unknown
  try {
    result = work()
  } catch (error) {
    if (isKeyplanError(error)) return `${error.code} ${error.message}`
    throw error
  }
  throw new Error(`nothing was refused; the result is ${String(result)}`)
}
