import type { Call } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import { degrading } from './degrading.ts'
import { headOf, withHead } from './record.ts'
import type { Draft, Ended, Ending, Reading, Saved, SessionStore } from './store.ts'

/** The stores of a namespace that goes on while Redis cannot be asked. */
export interface Standby {
  /** The store over Redis; what it reads and writes is remembered, and what began here meanwhile is brought to it. */
  readonly main: SessionStore
  /** Answers in its place. */
  readonly fallback: Partial<SessionStore>
}

/** Most sessions that are remembered; the one that was used longest ago makes room. */
const mostCopies = 10_000

/**
 * `whenDown: 'memory'`: what this process has seen of sessions can be read on, and is not changed: Redis would not learn of it.
 * What begins here lives in `memory`, and is written to Redis when it is first used after that is back.
 */
export function createStandby(redis: SessionStore, memory: SessionStore, ttlMs: number, wall: () => number): Standby {
  const copies = new Map<string, string>()

  function remember(key: string, raw: string | null): void {
    copies.delete(key)
    if (raw === null || !headOf(raw)) return
    copies.set(key, raw)
    if (copies.size > mostCopies) copies.delete(copies.keys().next().value!)
  }
  function copyOf(key: string): Reading | KeyplanError {
    const raw = copies.get(key)
    const head = raw === undefined ? undefined : headOf(raw)
    if (!head || wall() >= Math.min(head.seen + ttlMs, head.until)) return unknownHere()
    return { raw: raw!, touched: false, degraded: true }
  }
  async function local(call: Call, key: string): Promise<string | null> {
    const [reading] = await memory.look(call, [key])
    return reading && !(reading instanceof Error) ? reading.raw : null
  }
  /** Brings to Redis what began here while it was away; it is there once, so it is forgotten here. */
  async function begin(call: Call, key: string): Promise<Saved | undefined> {
    const raw = await local(call, key)
    const head = raw === null ? undefined : headOf(raw)
    if (!head) return undefined
    const begun = await redis.create(call, key, { rest: head.rest, ttlMs, until: head.until, notAfter: undefined })
    await memory.end(call, key, { version: undefined, trace: '{"ended":0}', keepMs: 1 })
    return begun
  }
  /** Gives what is there then; or what leads from here to a new id that it was given here. */
  async function bring(call: Call, key: string): Promise<Reading | undefined> {
    const begun = await begin(call, key)
    if (!begun) return { raw: await local(call, key), touched: false }
    const [reading] = await redis.look(call, [key])
    return reading instanceof Error || !reading ? undefined : { ...reading, touched: begun.is === 'saved' }
  }
  /** It is brought before it is ended: a read that brings it at the same time would begin it anew behind the end. */
  async function end(call: Call, key: string, ending: Ending): Promise<Ended> {
    await begin(call, key)
    const ended = await redis.end(call, key, ending)
    return ended.raw === null ? { is: 'found', raw: await local(call, key) } : ended
  }
  /** Those of a user that began here are on the list here until they have come to Redis. */
  async function listed(call: Call, list: string): Promise<readonly string[]> {
    const keys = new Set(await redis.listed(call, list))
    for (const key of await memory.listed(call, list)) keys.add(key)
    return [...keys]
  }
  async function strike(call: Call, list: string, keys: readonly string[], idleMs: number): Promise<void> {
    await redis.strike(call, list, keys, idleMs)
    await memory.strike(call, list, keys, idleMs)
  }
  async function read(
    call: Call,
    keys: readonly string[],
    readings: readonly (Reading | KeyplanError)[],
  ): Promise<(Reading | KeyplanError)[]> {
    const found = [...readings]
    for (const [index, reading] of readings.entries()) {
      const key = keys[index]!
      if (reading instanceof Error) continue
      if (reading.raw === null) found[index] = (await bring(call, key)) ?? reading
      remember(key, (found[index] as Reading).raw)
    }
    return found
  }
  /** What is read and written meanwhile is forgotten, too. */
  const forgetting = <T>(key: string, done: Promise<T>): Promise<T> => {
    copies.delete(key)
    return done.finally(() => copies.delete(key))
  }

  /** A write that fails leaves what is known: it is shown as it was. */
  async function written(key: string, version: number, { rest }: Draft, done: Promise<Saved>): Promise<Saved> {
    const saved = await done
    if (saved.is === 'saved') remember(key, withHead(version, saved.seen, saved.until, rest))
    else copies.delete(key)
    return saved
  }

  const main: SessionStore = {
    ...redis,
    touch: async (call, keys, touching) => read(call, keys, await redis.touch(call, keys, touching)),
    look: async (call, keys) => read(call, keys, await redis.look(call, keys)),
    create: (call, key, draft) => written(key, 1, draft, redis.create(call, key, draft)),
    save: (call, key, version, draft) => written(key, version + 1, draft, redis.save(call, key, version, draft)),
    end: (call, key, ending) => forgetting(key, end(call, key, ending)),
    listed,
    strike,
    move: (call, key, to, draft, ending) => forgetting(key, redis.move(call, key, to, draft, ending)),
  }

  const degraded = degrading(memory)
  async function own<T>(call: Call, key: string, work: () => Promise<T>): Promise<T> {
    if ((await local(call, key)) === null) throw unknownHere()
    return work()
  }
  async function answer(call: Call, keys: readonly string[], begunHere: SessionStore['look']) {
    const readings = await begunHere(call, keys)
    return readings.map((reading, index) =>
      reading instanceof Error || reading.raw !== null ? reading : copyOf(keys[index]!),
    )
  }
  const fallback: Partial<SessionStore> = {
    touch: (call, keys, touching) => answer(call, keys, (terms, all) => degraded.touch(terms, all, touching)),
    look: (call, keys) => answer(call, keys, degraded.look),
    create: degraded.create,
    save: (call, key, version, draft) => own(call, key, () => degraded.save(call, key, version, draft)),
    // What this process was told to end it does not show any more, whether Redis learns of it or not.
    end: (call, key, ending) =>
      forgetting(
        key,
        own(call, key, () => degraded.end(call, key, ending)),
      ),
    move: (call, key, to, draft, ending) => own(call, key, () => degraded.move(call, key, to, draft, ending)),
    note: memory.note,
    strike: memory.strike,
  }
  return { main, fallback }
}

function unknownHere(): KeyplanError {
  const message = 'Redis cannot be asked, and this process does not know the session, or may not change it alone'
  return new KeyplanError('DISCONNECTED', message, { outcome: 'not-executed' })
}
