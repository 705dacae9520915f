import type { Argument } from '../redis/redis.ts'

/** Commands that would change the link all calls share, or hold it up. */
const refused = new Set(
  [
    'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC',
    'MULTI EXEC DISCARD WATCH UNWATCH SELECT AUTH HELLO QUIT RESET ASKING READONLY READWRITE',
    'BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF',
    'CLIENT|REPLY CLIENT|TRACKING CLIENT|CACHING CLIENT|SETNAME CLIENT|NO-EVICT CLIENT|NO-TOUCH SCRIPT|DEBUG REPLCONF',
  ].flatMap(line => line.split(' ')),
)

/** Whether a command leaves a link that others use as it was. */
export function keepsLink(command: string, args: readonly Argument[]): boolean {
  const name = command.toUpperCase()
  if (refused.has(name)) return false
  if (refused.has(`${name}|${String(args[0]).toUpperCase()}`)) return false
  if (!name.startsWith('XREAD')) return true
  const words = args.map(word => String(word).toUpperCase())
  // What comes behind STREAMS are names.
  const place = words.indexOf('BLOCK')
  return place < 0 || place > words.indexOf('STREAMS')
}
