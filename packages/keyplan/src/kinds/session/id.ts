import { digest } from '../../plan/pattern/value.ts'

/** 128 bits of the system's randomness, as base64url: 22 characters. */
export function newId(): string {
  // Loaded at the first session: importing the library stays free of it.
  return process.getBuiltinModule('node:crypto').randomBytes(16).toString('base64url')
}

const longestId = 256

/** Whether a text can be the id of a session at all: what a client sends may be anything. */
export const isId = (text: unknown): text is string =>
  typeof text === 'string' && text !== '' && text.length <= longestId && /^[\x21-\x7e]+$/.test(text)

/** Names a session without being a login. */
export const nameOfId = digest
