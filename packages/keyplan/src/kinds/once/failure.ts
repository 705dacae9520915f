import { storedText } from '../../base/codec/stored-text.ts'
import type { Stored } from '../../base/codec.ts'

/** What is kept of an error that the work threw: no stack, and no fields but these. */
export interface KeptFailure {
  readonly name: string
  readonly message: string
  readonly code?: string | undefined
}

/** More would be no message, but data. */
const longestMessage = 2_000

export function failureOf(error: unknown): KeptFailure {
  if (!(error instanceof Error)) return { name: 'Error', message: `the work threw ${typeof error}` }
  const { name, message } = error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name: String(name), message: String(message).slice(0, longestMessage), ...(code !== undefined && { code }) }
}

export function sealFailure(failure: KeptFailure): string {
  return JSON.stringify(failure)
}

export function openFailure(stored: Stored): KeptFailure {
  try {
    const { name, message, code }: Partial<KeptFailure> = JSON.parse(storedText(stored))
    return { name: String(name), message: String(message), ...(code !== undefined && { code: String(code) }) }
  } catch {
    return { name: 'Error', message: 'what was kept of the failure cannot be read' }
  }
}

/** As an error again, for who is told of it. */
export function asError({ name, message, code }: KeptFailure): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code })
  error.name = name
  return error
}
