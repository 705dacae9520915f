import { anySent } from '../../base/call.ts'
import { storedText } from '../../base/codec/stored-text.ts'
import type { Stored } from '../../base/codec.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import type { Redis, Reply } from '../../redis/redis.ts'
import { newsArguments } from './announcing.ts'
import type { DocumentNames } from './names.ts'
import { type LookReply, readScript, removeScript, writeScript } from './scripts.ts'
import type { DocumentSettings } from './settings.ts'
import type { Changes, DocumentStore, StoredDocument } from './store.ts'

export function createRedisDocumentStore(
  redis: Pick<Redis, 'send' | 'evaluate'>,
  names: DocumentNames,
  { ttlMs, renew, history, codec }: DocumentSettings,
): DocumentStore {
  const encoding = codec.binary ? 'bytes' : 'text'
  const ttl = ttlMs ?? ''

  return {
    async read(call, key) {
      const keys = { doc: key, meta: names.meta(key) }
      return documentOf(await redis.evaluate(readScript, keys, { ttl }, call, encoding))
    },
    async write(call, key, { id, value, expected, news, unanswered }) {
      const keys = { doc: key, meta: names.meta(key), past: names.past(key) }
      const terms = { ttl, renew: renew ? 1 : 0, keep: history, channel: names.changes(key) }
      // Without a version to write over, a repeat might go over what others have written, or deleted, since the lost one ran.
      const again = anySent(unanswered)
      const over = again && !expected ? neverThere : (expected ?? '')
      const args = { new: value, id, expected: over, ...terms, news: newsArguments(news) }
      unanswered.add(call)
      const answer = await redis.evaluate(writeScript, keys, args, call, encoding).catch(error => {
        if (isKeyplanError(error) && error.outcome === 'not-executed') unanswered.delete(call)
        throw error
      })
      unanswered.delete(call)
      const { done, found, unannounced } = answer
      if (done) return { done, version: found.version, unannounced }
      // The lost one may have been carried out before others wrote: then this answer is not the truth.
      if (again) throw overtaken()
      return { done, ...documentOf(found) }
    },
    remove(call, key, expected, news) {
      const keys = { doc: key, meta: names.meta(key), past: names.past(key) }
      const args = { expected: expected ?? '', channel: names.changes(key), news: newsArguments(news) }
      return redis.evaluate(removeScript, keys, args, call)
    },
    async history(call, key) {
      const entries = await redis.send('lrange', [names.past(key), 0, -1], call, encoding)
      return (entries as Stored[]).map(splitEntry)
    },
  }
}

/** A version that no document has: what is sent with it is recognised, or not done. */
const neverThere = -1

function documentOf({ version, value, left }: LookReply): StoredDocument {
  if (version === 0) return { value: undefined, version, remainingMs: undefined }
  return { value: value as Exclude<Reply, number | null | Reply[]>, version, remainingMs: left < 0 ? undefined : left }
}

const blank = 0x20

/** `<version> <value>` */
function splitEntry(entry: Stored): { value: Stored; version: number } {
  const at = typeof entry === 'string' ? entry.indexOf(' ') : entry.indexOf(blank)
  const version = Number(storedText(entry.slice(0, at)))
  return { version, value: entry.slice(at + 1) }
}

/** No failure of the link: to ask again would not tell either. */
function overtaken(): KeyplanError {
  const message = 'The reply to a write was lost and it is not what is there now: whether it happened is not known'
  return new KeyplanError('DOCUMENT_CONFLICT', message, { outcome: 'unknown' })
}

/** Without the permission to subscribe nothing is heard, and the poll has to do. */
export function redisChanges(redis: Pick<Redis, 'subscribe'>, names: DocumentNames): Changes {
  return {
    listen(key, { changed, missed }) {
      const subscription = redis.subscribe(names.changes(key), { message: changed, gap: missed })
      // What was written before it was heard.
      subscription.then(changed, () => {})
      return {
        close() {
          subscription.then(
            ({ close }) => close(),
            () => {},
          )
        },
      }
    },
  }
}
