import { isKeyplanError, kindOf } from './error.ts'

const nothing = 'something that is no error was thrown'
const longest = 200

/** What can be told of an error. */
export interface ErrorTexts {
  readonly name: string
  readonly message: string
  /** Of the library's own. */
  readonly code: string | undefined
  readonly stack: string | undefined
}

/** What was thrown, as an error. */
export function errorOf(thrown: unknown): Error {
  return textsOf(thrown) ? (thrown as Error) : new Error(nothing, { cause: thrown })
}

/**
 * Of an error, whatever its fields are: applications put objects into `message`, and what a proxy or a getter gives may throw.
 * Undefined for what is no error, or gives nothing to be read.
 */
export function textsOf(thrown: unknown): ErrorTexts | undefined {
  try {
    if (!(thrown instanceof Error)) return undefined
    const { name, message, stack }: { name: unknown; message: unknown; stack?: unknown } = thrown
    return {
      name: typeof name === 'string' ? name : 'Error',
      message: typeof message === 'string' ? message : `the message is ${kindOf(message)}`,
      code: isKeyplanError(thrown) ? thrown.code : undefined,
      stack: typeof stack === 'string' ? stack : undefined,
    }
  } catch {
    return undefined
  }
}

/** Of an error for the log. Those of the library hold no keys and no values; of others only the name is known to be harmless. */
export function harmless(thrown: unknown): string {
  const texts = textsOf(thrown)
  if (!texts) return nothing
  return texts.code === undefined ? texts.name : texts.message
}

/** Of what the application's own code has thrown, for its own log: name and message, in one line. */
export function inFull(thrown: unknown): string {
  const texts = textsOf(thrown)
  if (!texts) return nothing
  const text = `${texts.name}: ${texts.message}`.replace(/\s+/g, ' ').trim()
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
