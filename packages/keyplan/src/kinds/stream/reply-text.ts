import type { Reply } from '../../redis/redis.ts'

/** With a binary codec all of a reply comes as bytes. */
export function textOf(reply: Reply | undefined): string {
  if (typeof reply === 'string') return reply
  if (Buffer.isBuffer(reply)) return reply.toString()
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : ''
}
