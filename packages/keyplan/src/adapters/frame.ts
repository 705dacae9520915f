import { createHash } from 'node:crypto'
import { storedText } from '../base/codec/stored-text.ts'

/** A value that is part JSON, part binary. */
export interface Frame<Head> {
  readonly head: Head
  readonly bodies: readonly Uint8Array[]
}

const lineFeed = 0x0a

/** A line of JSON, which holds no line feed of its own, and the bodies behind it. */
export function sealFrame<Head>({ head, bodies }: Frame<Head>): Uint8Array {
  const line = JSON.stringify({ head, lengths: bodies.map(({ length }) => length) })
  return Buffer.concat([Buffer.from(`${line}\n`), ...bodies])
}

/** Undefined for what no frame is. The head is what was sealed under the same key, which nobody else writes. */
export function openFrame<Head>(stored: Uint8Array | undefined): Frame<Head> | undefined {
  const end = stored?.indexOf(lineFeed) ?? -1
  if (!stored || end < 0) return undefined
  try {
    const { head, lengths }: { head: Head; lengths: number[] } = JSON.parse(storedText(stored.subarray(0, end)))
    let at = end + 1
    const bodies = lengths.map(length => {
      at += length
      return stored.subarray(at - length, at)
    })
    return at === stored.length ? { head, bodies } : undefined
  } catch {
    return undefined
  }
}

/** In UTF-16 units: percent-encoded in a key they take at most three bytes each, and a param may take 1,024. */
const longestSpelt = 300

/** The key of a name of any length: a long one goes by its SHA-256. */
export function keyOf(space: string, name: string): string {
  return name.length <= longestSpelt ? `${space}:${name}` : `${space}#${digest(name)}`
}

export const digest = (text: string) => createHash('sha256').update(text).digest('base64url')
