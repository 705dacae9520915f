/** Longest value that is hashed, in UTF-16 units: a bound for the time one key may take. */
export const maxHashedLength = 1_048_576

/** 43 characters of base64url: the last one carries four bits, so only every fourth letter can stand there. */
const form = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** What a hashed parameter puts in the key: SHA-256 of its UTF-8, as base64url without padding. */
export function digest(value: string): string {
  // Loaded at the first hashed key: importing the library stays free of it.
  return process.getBuiltinModule('node:crypto').hash('sha256', value, 'base64url' as 'base64')
}

export function isDigest(text: string): boolean {
  return form.test(text)
}
