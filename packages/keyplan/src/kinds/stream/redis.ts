import type { Stored } from '../../base/codec.ts'
import { isUnavailable, type KeyplanError } from '../../base/error.ts'
import { replyFailure } from '../../redis/failure.ts'
import type { Redis, Reply } from '../../redis/redis.ts'
import { appendOnceScript, appendScript } from './append-scripts.ts'
import { causeText, readCause } from './cause.ts'
import type { LostEntry } from './delivery.ts'
import { buryScript, claimScript, doneScript, extendScript, postponeScript, reclaimScript } from './delivery-scripts.ts'
import { inspectScript, leaveScript, lettersScript, redriveScript, sweepScript } from './group-scripts.ts'
import type { StreamNames } from './names.ts'
import { renewScript } from './renew-script.ts'
import { textOf } from './reply-text.ts'
import { mostDeliveries, type StreamSettings } from './settings.ts'
import type { StoredLetter, StreamStore } from './store.ts'
import { readTaken } from './take/reply.ts'
import { takeScript } from './take/script.ts'

/** A consumer that has not asked for so many claims' time is gone. */
const goneAfterClaims = 3

export function createRedisStreamStore(
  redis: Pick<Redis, 'send' | 'evaluate' | 'block'>,
  names: StreamNames,
  settings: StreamSettings,
): StreamStore {
  const { keep, claimAfterMs: lease, deadMs, blockMs, codec } = settings
  const encoding = codec.binary ? 'bytes' : 'text'
  const kept = keep.untilRead ? Object.entries(settings.groups) : []
  const declared = kept.map(([group, { start }]) => `${group} ${start}`).join(' ')
  const trim = { most: keep.entries ?? '', ageMs: keep.ageMs ?? '', untilRead: keep.untilRead ? 1 : 0, declared }
  const accountsOf = (key: string) => kept.flatMap(([group]) => [names.open(key, group), names.state(key, group)])
  const most = mostDeliveries(settings)
  const keysOf = (key: string, group: string) => ({
    stream: key,
    open: names.open(key, group),
    tries: names.tries(key, group),
    state: names.state(key, group),
    dead: names.dead(key, group),
  })

  return {
    async append(call, requests) {
      const values = requests.map(({ value }) => value)
      const { key } = requests[0]!
      const keys = { stream: key, accounts: accountsOf(key) }
      const lines = await redis.evaluate(appendScript, keys, { values, ...trim }, call)
      return allRefused(lines.map(line => (line.startsWith('!') ? replyFailure(line.slice(1)) : line)))
    },

    async appendOnce(call, key, value, token) {
      const keys = { stream: key, appended: names.appended(key, token), accounts: accountsOf(key) }
      const id = await redis.evaluate(appendOnceScript, keys, { value, window: settings.dedupeMs, ...trim }, call)
      return id.startsWith('=') ? { id: id.slice(1), duplicate: true } : { id, duplicate: false }
    },

    async take(call, key, request) {
      const { group, known = '', ordered } = request
      const { start } = settings.groups[group]!
      const args = { start, lease, most, keep: deadMs, ...request, known, ordered: ordered ? 1 : 0 }
      return readTaken(await redis.evaluate(takeScript, keysOf(key, group), args, call, 'bytes'), codec.binary === true)
    },

    async wait(key, last, ms, signal) {
      const args = (slice: number) => ['COUNT', 1, 'BLOCK', slice, 'STREAMS', key, last]
      await redis.block('xread', args, { wait: ms, signal, encoding: 'bytes' })
    },

    async done(call, key, group, ids, effects) {
      const { stream, open, tries } = keysOf(key, group)
      const keys = { stream, open, tries, effects: effects.map(effect => names.done(key, group, effect)) }
      const effectTtl = settings.idempotency?.ttlMs ?? 0
      await redis.evaluate(doneScript, keys, { group, effectTtl, ids }, call)
    },

    claim(call, key, group, claims, ms) {
      const effects = claims.map(({ effect }) => names.done(key, group, effect))
      return redis.evaluate(claimScript, { effects }, { ms, claimants: claims.map(({ id }) => id) }, call)
    },

    async postpone(call, key, group, entries) {
      const { open, tries } = keysOf(key, group)
      const list = entries.flatMap(({ id, number, counted, delayMs, cause }) => [
        id,
        number,
        counted,
        Math.max(0, Math.round(delayMs)),
        causeText(cause),
      ])
      return redis.evaluate(postponeScript, { open, tries }, { entries: list }, call)
    },

    async unfinished(call, key, group, ids) {
      const scores = (await redis.send('zmscore', [keysOf(key, group).open, ...ids], call)) as Reply[]
      return ids.filter((_, index) => scores[index] !== null)
    },

    async reclaim(call, key, { group, consumer }, known) {
      const { open, tries, state } = keysOf(key, group)
      await redis.evaluate(reclaimScript, { open, tries, state }, { consumer, known: [...known] }, call)
    },

    bury(call, key, group, { id, number, value, origin = '', effect, cause }) {
      const { stream, open, tries, dead } = keysOf(key, group)
      const args = { group, id, number, keep: deadMs, cause: causeText(cause), origin }
      const effects = effect === undefined ? [] : [names.done(key, group, effect)]
      const keys = { stream, open, tries, dead, effects }
      return redis.evaluate(buryScript, keys, { ...args, value: value === undefined ? [] : [value] }, call)
    },

    extend(call, key, { group, consumer }, receipts, ordered) {
      const { stream, open, tries, state } = keysOf(key, group)
      const list = receipts.flatMap(({ id, number }) => [id, number])
      const args = { group, consumer, lease, ordered: ordered ? 1 : 0, receipts: list }
      return redis.evaluate(extendScript, { stream, open, tries, state }, args, call)
    },

    renew(call, key, group, claims, ms) {
      const effects = claims.map(({ effect }) => names.done(key, group, effect))
      const keys = { open: names.open(key, group), effects }
      return redis.evaluate(renewScript, keys, { ms, claimants: claims.map(({ id }) => id) }, call)
    },

    async sweep(call, key, { group, consumer }, cursor) {
      const { stream, open, tries, dead } = keysOf(key, group)
      const gone = goneAfterClaims * lease + 2 * blockMs
      const args = { group, consumer, lease, cursor, gone, keep: deadMs }
      const [next = '0-0', adopted, removed, ...rest] = await redis.evaluate(
        sweepScript,
        { stream, open, tries, dead },
        args,
        call,
      )
      const lost: LostEntry[] = []
      for (let at = 0; at < rest.length; at += 2) {
        lost.push({ id: rest[at]!, reason: rest[at + 1] as LostEntry['reason'] })
      }
      return { cursor: next, adopted: Number(adopted), removed: Number(removed), lost }
    },

    async leave(call, key, { group, consumer }) {
      const { stream, state } = keysOf(key, group)
      await redis.evaluate(leaveScript, { stream, state }, { group, consumer }, call)
    },

    async inspect(call, key, group) {
      const { stream, open, state, dead } = keysOf(key, group)
      const figures = await redis.evaluate(inspectScript, { stream, open, state, dead }, { group, keep: deadMs }, call)
      const [length = 0, lag, pending = 0, oldestMs, deadLetters = 0, consumers = 0] = figures
      return { length, lag, pending, oldestMs, deadLetters, consumers }
    },

    async letters(call, key, group, after, limit) {
      const keys = { dead: names.dead(key, group) }
      return (await redis.evaluate(lettersScript, keys, { after, limit, keep: deadMs }, call, encoding)).map(readLetter)
    },

    redrive(call, key, group, letters) {
      const keys = { stream: key, dead: names.dead(key, group) }
      return redis.evaluate(redriveScript, keys, { group, keep: deadMs, letters }, call)
    },

    async purge(call, key, group, ids) {
      return Number(await redis.send('xdel', [names.dead(key, group), ...ids], call))
    },

    length: async (call, key) => Number(await redis.send('xlen', [key], call)),
  }
}

function readLetter([id, fields]: [Reply, Reply[]]): StoredLetter {
  const found = new Map<string, Reply>()
  for (let at = 0; at < fields.length; at += 2) found.set(textOf(fields[at]), fields[at + 1]!)
  return {
    id: textOf(id),
    entry: textOf(found.get('entry')),
    value: found.get('value') as Stored | undefined,
    deliveries: Number(textOf(found.get('deliveries'))),
    cause: readCause(textOf(found.get('cause'))) ?? { name: 'Unknown', message: 'no cause was noted' },
  }
}

/** A server that serves nobody now is for the guard to know. */
function allRefused(answers: readonly (string | KeyplanError)[]): readonly (string | KeyplanError)[] {
  if (answers.every(isUnavailable)) throw answers[0]
  return answers
}
