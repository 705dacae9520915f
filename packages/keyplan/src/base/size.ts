import { KeyplanError, kindOf } from './error.ts'

const unitBytes = { b: 1, kb: 1_024, mb: 1_048_576, gb: 1_073_741_824 } as const

type SizeUnit = keyof typeof unitBytes

/** A number of bytes in Redis' own units of 1024: `'100b'`, `'16kb'`, `'2mb'`, `'1gb'`. */
export type Size = `${number}${SizeUnit}`

const form = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/

/**
 * Bytes of a size, rounded to whole ones.
 *
 * @param name what the size is, for the error: `maxBytes of userProfile`
 * @param spell how the error spells a value that is no size: by its kind, unless it cannot be a secret
 * @throws KeyplanError PARAM_INVALID when it is not a size or is below 1 byte
 */
export function sizeBytes(value: Size, name = 'size', spell: (value: unknown) => string = kindOf): number {
  const match = typeof value === 'string' ? form.exec(value) : null
  if (!match) {
    throw new KeyplanError('PARAM_INVALID', `${name} is ${spell(value)}; write a size such as '16kb' or '2mb'`)
  }
  const bytes = Math.round(Number(match[1]) * unitBytes[match[2] as SizeUnit])
  if (bytes < 1) throw new KeyplanError('PARAM_INVALID', `${name} is ${value}; it must be at least 1b`)
  return bytes
}
