import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ErrorCode, isKeyplanError, KeyplanError } from 'keyplan'

/**
 * Loads a module, TypeScript included, which Node 20 cannot do by itself.
 *
 * What loads TypeScript is loaded only then: it takes longer than the rest of a command.
 */
export async function loadModule(file: string): Promise<unknown> {
  if (/^\.[cm]?js$/.test(extname(file))) return import(pathToFileURL(file).href)
  const { createJiti } = await import('jiti')
  // Without files of its own in node_modules or the temporary folder: what it would keep may hold secrets.
  return createJiti(import.meta.url, { fsCache: false }).import(file)
}

/** What a module of the user's exports by default. */
export interface Wanted<T> {
  /** `the plan`, for messages. */
  readonly what: string
  /** What to write to export one. */
  readonly remedy: string
  readonly code: ErrorCode
  is(value: unknown): value is T
}

/** Whether a path has the ending of a module. */
export const isModulePath = (file: string) => /^\.[cm]?[jt]s$/.test(extname(file))

/**
 * What a module exports by default.
 *
 * @param file as the user wrote it; relative to `folder`
 * @throws KeyplanError with the module's own problems, or why there is nothing of the kind
 */
export async function loadDefault<T>(file: string, folder: string, { what, remedy, code, is }: Wanted<T>): Promise<T> {
  let module: unknown
  try {
    module = await loadModule(resolve(folder, file))
  } catch (error) {
    if (isKeyplanError(error)) throw error
    throw new KeyplanError(code, `${what} ${file} cannot be loaded: ${whyNot(error)}`, { cause: error })
  }
  const found = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (is(found)) return found
  throw new KeyplanError(code, `${file} exports no ${what.replace(/^the /, '')} by default: write ${remedy}`)
}

function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return 'it throws what is no error'
  const { code, name, message } = error as NodeJS.ErrnoException
  const isAbsent = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
  return isAbsent ? 'it is not there, or imports what is not there' : `${name}: ${message.split('\n')[0]}`
}
