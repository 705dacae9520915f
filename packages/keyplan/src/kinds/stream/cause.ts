import { kindOf } from '../../base/error.ts'
import { textsOf } from '../../base/thrown.ts'
import type { Cause } from './delivery.ts'

const longestMessage = 500
const longestTrace = 2_000

/** What is kept of whatever a handler threw. It lies beside the entry itself, so it may tell as much. */
export function causeOf(thrown: unknown): Cause {
  const texts = textsOf(thrown)
  if (!texts) return { name: 'NonError', message: `the handler threw ${whatElse(thrown)}`.slice(0, longestMessage) }
  const { name, message, code, stack } = texts
  return { name, message: message.slice(0, longestMessage), code, trace: stack?.slice(0, longestTrace) }
}

const whatElse = (thrown: unknown) =>
  typeof thrown === 'string'
    ? `a string: ${thrown}`
    : typeof thrown === 'object' && thrown !== null
      ? 'an object'
      : kindOf(thrown)

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
