import { isKeyplanError } from './error.ts'

/**
 * What `read` gives. When it throws a KeyplanError, its message joins the problems and `otherwise` takes the place of
 * the result, so that whoever declares something is told of all that is wrong with it at once.
 */
export function collect<T>(problems: string[], read: () => T, otherwise: T): T {
  try {
    return read()
  } catch (error) {
    if (!isKeyplanError(error)) throw error
    problems.push(error.message)
    return otherwise
  }
}
