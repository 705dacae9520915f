import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** `<host>:<pid>:<random>`: unique to one client, and not to be guessed. */
export function instanceName(): string {
  return `${hostname().replace(/[^\w.-]/g, '-')}:${process.pid}:${randomBytes(12).toString('base64url')}`
}
