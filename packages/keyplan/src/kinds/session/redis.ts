import type { Call } from '../../base/call.ts'
import { perSlot } from '../../mechanisms/per-slot.ts'
import type { Redis } from '../../redis/redis.ts'
import { type Happening, newsArguments, type SessionNews } from './announcing.ts'
import { noteScript, strikeScript } from './list-scripts.ts'
import type { SessionNames } from './names.ts'
import {
  createScript,
  endScript,
  moveScript,
  prolongScript,
  type SaveReply,
  saveScript,
  touchScript,
} from './scripts.ts'
import type { Draft, Ended, Ending, Reading, Saved, SessionStore } from './store.ts'

type Server = Pick<Redis, 'send' | 'evaluate' | 'slot'>

export function createRedisSessionStore(
  redis: Server,
  names: SessionNames,
  news?: SessionNews,
  refused: (why: string | undefined) => void = () => {},
): SessionStore {
  async function create(call: Call, key: string, draft: Draft, happening?: Happening) {
    const { rest, ttl, bound, notAfter } = argsOf(draft)
    const args = { rest, ttl, bound, notAfter, news: newsArguments(news, happening) }
    const { is, unannounced } = await redis.evaluate(createScript, { session: key }, args, call)
    refused(unannounced)
    return savedOf(is)
  }
  async function end(call: Call, key: string, ending: Ending, happening?: Happening) {
    const args = { wake: names.wake(key), news: newsArguments(news, happening), ...endingArgs(ending) }
    const { is, unannounced } = await redis.evaluate(endScript, { session: key }, args, call)
    refused(unannounced)
    return endedOf(is)
  }

  /**
   * Two nodes have the keys. The session begins at its new one first, whose id nobody knows yet: when this process dies in
   * between, the old one still stands, and the new one ends unused with its time to live.
   */
  async function moveInSteps(call: Call, key: string, to: string, draft: Draft, ending: Ending): Promise<Saved> {
    const begun = await create(call, to, draft)
    if (begun.is !== 'saved') return begun.is === 'late' ? begun : { is: 'found', raw: null }
    const ended = await end(call, key, ending, { event: 'moved', key, to, text: draft.rest })
    if (ended.is === 'ended' || ended.raw === ending.trace) return begun
    await end(call, to, { version: undefined, trace: '{"ended":0}', keepMs: 1 })
    return ended
  }

  return {
    touch: (call, keys, { ttlMs, everyMs }) =>
      perSlot(redis, keys, itself, async part =>
        (await redis.evaluate(touchScript, { keys: part }, { ttl: ttlMs, every: everyMs }, call)).map(touched),
      ),
    look: (call, keys) =>
      perSlot(redis, keys, itself, async part =>
        ((await redis.send('mget', part, call)) as (string | null)[]).map(seen),
      ),
    create: (call, key, draft) => create(call, key, draft, { event: 'created', key, text: draft.rest }),
    async save(call, key, version, draft) {
      return savedOf(await redis.evaluate(saveScript, { session: key }, { version, ...argsOf(draft) }, call))
    },
    async prolong(call, key, ttlMs, until) {
      await redis.evaluate(prolongScript, { session: key }, { ttl: ttlMs, bound: until }, call)
    },
    end: (call, key, ending) => end(call, key, ending, { event: 'ended', key }),
    async move(call, key, to, draft, ending) {
      if (redis.slot(key) !== redis.slot(to)) return moveInSteps(call, key, to, draft, ending)
      const told = newsArguments(news, { event: 'moved', key, to, text: draft.rest })
      const args = { wake: names.wake(key), news: told, ...endingArgs(ending), ...argsOf(draft) }
      const { is, unannounced } = await redis.evaluate(moveScript, { session: key, to }, args, call)
      refused(unannounced)
      return savedOf(is)
    },
    async note(call, list, key, keptMs, most) {
      const args = { session: key, kept: keptMs, most: most ?? '' }
      const [at, ...crowd] = await redis.evaluate(noteScript, { list }, args, call)
      return { at: Number(at), crowd }
    },
    async listed(call, list) {
      return (await redis.send('zrange', [list, 0, -1], call)) as string[]
    },
    async strike(call, list, keys, idleMs) {
      await redis.evaluate(strikeScript, { list }, { idle: idleMs, sessions: keys }, call)
    },
  }
}

const itself = (key: string) => key

const touched = (raw: string | null): Reading =>
  raw?.startsWith('+') ? { raw: raw.slice(1), touched: true } : { raw, touched: false }

const seen = (raw: string | null): Reading => ({ raw, touched: false })

const argsOf = ({ rest, ttlMs, until, notAfter }: Draft) => ({
  rest,
  ttl: ttlMs,
  bound: until ?? '',
  notAfter: notAfter ?? '',
})

const endingArgs = ({ version, trace, keepMs }: Ending) => ({ version: version ?? '', trace, keep: keepMs })

function savedOf(reply: SaveReply): Saved {
  if (reply === '~') return { is: 'late' }
  if (!reply?.startsWith('+')) return { is: 'found', raw: reply }
  const [seen, until] = reply.slice(1).split(' ')
  return { is: 'saved', seen: Number(seen), until: Number(until) }
}

function endedOf(reply: SaveReply): Ended {
  if (!reply?.startsWith('+')) return { is: 'found', raw: reply }
  return { is: 'ended', raw: reply.slice(1) }
}
