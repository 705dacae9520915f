/** Commands that would change the link all calls share, or hold it up. */
const refused = new Set(
  [
    'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC',
    'MULTI EXEC DISCARD WATCH UNWATCH SELECT AUTH HELLO QUIT RESET ASKING READONLY READWRITE',
    'BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF',
    'CLIENT|REPLY CLIENT|TRACKING CLIENT|CACHING CLIENT|SETNAME',
  ].flatMap(line => line.split(' ')),
)

/** Whether a command leaves a link that others use as it was. */
export function keepsLink(command: string, args: readonly (string | number)[]): boolean {
  const words = [command, ...args].map(word => String(word).toUpperCase())
  if (refused.has(words[0] ?? '') || refused.has(words.slice(0, 2).join('|'))) return false
  return !(/^XREAD(GROUP)?$/.test(words[0] ?? '') && words.includes('BLOCK'))
}
