import { isKeyplanError } from '../../base/error.ts'

/** Says of errors that come from above the guard where they happened. */
export function createNaming(namespace: string) {
  return async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (isKeyplanError(error)) {
        error.namespace ??= namespace
        error.operation ??= operation
      }
      throw error
    }
  }
}

export type Naming = ReturnType<typeof createNaming>
