import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import type { Argument, Encoding, Redis } from '../../redis/redis.ts'
import { type Announcement, announcementArguments, termsArguments } from './announcement.ts'
import { readEntries } from './entry.ts'
import type { Appended, Log, Range } from './log.ts'
import { announceScript, appendScript } from './scripts.ts'
import type { LogTerms } from './terms.ts'

type LogServer = Pick<Redis, 'send' | 'evaluate'>

/** Logs as streams. `encoding` is how values are read. */
export function createRedisLog(redis: LogServer, encoding: Encoding = 'text'): Log {
  return {
    append(call, key, value, terms, announcement) {
      const { count, ageMs: age, bytes, ttlMs: ttl, renew } = terms
      const news = announcementArguments(announcement)
      const args = { value, count, age, bytes, ttl, renew: renew ? 1 : 0, news }
      return redis.evaluate(appendScript, { log: key }, args, call)
    },
    async range(call, key, range) {
      return readEntries(await redis.send(...rangeCommand(key, range), call, encoding))
    },
    count: async (call, key) => Number(await redis.send('xlen', [key], call)),
    remove: async (call, key) => (await redis.send('unlink', [key], call)) === 1,
  }
}

function rangeCommand(key: string, { after, before, count, reverse }: Range): [string, Argument[]] {
  const low = after === undefined ? '-' : `(${after}`
  const high = before === undefined ? '+' : `(${before}`
  return reverse ? ['xrevrange', [key, high, low, 'COUNT', count]] : ['xrange', [key, low, high, 'COUNT', count]]
}

/** Publishes on a channel that has a log. */
export function announce(
  redis: LogServer,
  call: Call,
  { channel, sharded, log }: Announcement & { readonly log: { readonly key: string; readonly terms: LogTerms } },
  value: Stored,
): Promise<Appended> {
  const command = sharded ? 'SPUBLISH' : 'PUBLISH'
  return redis.evaluate(
    announceScript,
    { log: log.key },
    { value, command, channel, terms: termsArguments(log.terms) },
    call,
  )
}
