import { isKeyplanError } from './error.ts'

const nothing = 'something that is no error was thrown'
const longest = 200

/** What was thrown, as an error. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(nothing, { cause: thrown })
}

/** Of an error for the log. Those of the library hold no keys and no values; of others only the name is known to be harmless. */
export function harmless(thrown: unknown): string {
  if (isKeyplanError(thrown)) return thrown.message
  return thrown instanceof Error ? thrown.name : nothing
}

/** Of what the application's own code has thrown, for its own log: name and message, in one line. */
export function inFull(thrown: unknown): string {
  if (!(thrown instanceof Error)) return nothing
  const text = `${thrown.name}: ${thrown.message}`.replace(/\s+/g, ' ').trim()
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
