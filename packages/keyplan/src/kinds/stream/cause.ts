import { isKeyplanError, kindOf } from '../../base/error.ts'
import type { Cause } from './delivery.ts'

const longestMessage = 500
const longestTrace = 2_000

/** What is kept of whatever a handler threw. It lies beside the entry itself, so it may tell as much. */
export function causeOf(thrown: unknown): Cause {
  if (!(thrown instanceof Error)) {
    const text = typeof thrown === 'string' ? `: ${thrown}` : ''
    return { name: 'NonError', message: `the handler threw ${kindOf(thrown)}${text}`.slice(0, longestMessage) }
  }
  return {
    name: thrown.name,
    message: thrown.message.slice(0, longestMessage),
    code: isKeyplanError(thrown) ? thrown.code : undefined,
    trace: thrown.stack?.slice(0, longestTrace),
  }
}

/** Nobody could say what went wrong: the process ended, or lost its claim. */
export const vanished = (deliveries: number): Cause => ({
  name: 'Vanished',
  message: `${deliveries} deliveries ended without a word: the process that had it ended or was frozen`,
})

export const unreadable = (why: string): Cause => ({ name: 'Unreadable', message: why })

export const causeText = (cause: Cause | undefined) => (cause === undefined ? '' : JSON.stringify(cause))

/** Something else may have written it, or nothing. */
export function readCause(text: string): Cause | undefined {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as Cause
  } catch {
    return { name: 'Unknown', message: 'the cause cannot be read' }
  }
}
