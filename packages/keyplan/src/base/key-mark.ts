import { createHmac, randomBytes } from 'node:crypto'

let secret: Buffer | undefined

/**
 * What stands for a key where the key itself may not be told, such as `#5f2c09d1`: the same for one key as long as this process
 * lives. Keyed, since a plain digest of what is in a key is found by trying all that it may be.
 */
export function keyMark(key: string): string {
  secret ??= randomBytes(16)
  return `#${createHmac('sha256', secret).update(key).digest('hex').slice(0, 8)}`
}
