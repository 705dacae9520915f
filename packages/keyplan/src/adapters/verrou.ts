import { KeyplanError, kindOf } from '../base/error.ts'
import type { Held, Lock, LockDeclaration } from '../kinds/lock/contract.ts'
import type { Pattern } from '../plan/pattern/pattern.ts'

/** An open lock, such as `redis.locks`, whose pattern has one param. */
export type OpenLocks = ((params: never) => Lock) & {
  readonly pattern: Pattern
  readonly declaration: Pick<LockDeclaration, 'kind' | 'options'>
}

/** A store of verrou. Times in milliseconds. */
export interface VerrouStore {
  save(key: string, owner: string, ttl: number | null | undefined): Promise<boolean>
  delete(key: string, owner: string): Promise<void>
  forceDelete(key: string): Promise<void>
  extend(key: string, owner: string, duration: number): Promise<void>
  exists(key: string): Promise<boolean>
}

/** The `driver` of a store in the configuration of verrou. */
export interface VerrouDriver {
  factory(): VerrouStore
}

interface Holding {
  readonly key: string
  readonly held: Held
  /** Reading of the monotonic clock at which verrou's time to live is over. */
  until: number
  timer: NodeJS.Timeout | undefined
}

/** In milliseconds. */
const longestTimer = 2 ** 31 - 1

/**
 * A store for verrou over locks: `{ driver: verrouStore(redis.locks, E_LOCK_NOT_OWNED) }`. They are renewed for as long as verrou's time
 * to live, by this process: when it is killed they end after that of the plan. A lock can be released and extended where it was
 * acquired; by force it can be released anywhere.
 *
 * @param NotOwned `E_LOCK_NOT_OWNED` of verrou, which expects its own error when a lock is not owned
 * @throws KeyplanError PARAM_INVALID for what is no open lock; PLAN_INVALID when its keys do not have one param
 */
export function verrouStore(namespace: OpenLocks, NotOwned: new () => Error): VerrouDriver {
  const lockOf = locksByKey(namespace)
  if (typeof NotOwned !== 'function') {
    const message = `verrouStore() was given ${kindOf(NotOwned)}; give it E_LOCK_NOT_OWNED, which @verrou/core exports`
    throw new KeyplanError('PARAM_INVALID', message)
  }

  function open(): VerrouStore {
    const holdings = new Map<string, Holding>()
    /** Releases of locks whose time is over. */
    const leaving = new Map<string, Promise<unknown>>()
    const nameOf = (key: string, owner: string) => `${owner} ${key}`

    function take(name: string): Held {
      const holding = holdings.get(name)
      if (!holding) throw new NotOwned()
      holdings.delete(name)
      clearTimeout(holding.timer)
      return holding.held
    }

    function expire(name: string, { key }: Holding): void {
      // Where this fails it goes on in the background, and the lock is not renewed any more.
      const release = take(name)
        .release()
        .catch(() => {})
        .finally(() => {
          if (leaving.get(key) === release) leaving.delete(key)
        })
      leaving.set(key, release)
    }

    function last(name: string, holding: Holding, ttl: number | null | undefined, since: number): void {
      clearTimeout(holding.timer)
      holding.until = ttl ? since + ttl : Number.POSITIVE_INFINITY
      arm(name, holding)
    }

    function arm(name: string, holding: Holding): void {
      const left = holding.until - performance.now()
      if (left === Number.POSITIVE_INFINITY) return
      const next = left > longestTimer ? arm : expire
      holding.timer = setTimeout(next, Math.min(left, longestTimer), name, holding).unref()
    }

    /** Once what has ended in this process has ended in Redis. */
    async function settled(key: string): Promise<void> {
      const now = performance.now()
      for (const [name, holding] of holdings) if (holding.key === key && holding.until <= now) expire(name, holding)
      await leaving.get(key)
    }

    return {
      async save(key, owner, ttl) {
        await settled(key)
        const since = performance.now()
        const held = await lockOf(key).tryAcquire()
        if (!held) return false
        const name = nameOf(key, owner)
        const holding: Holding = { key, held, until: 0, timer: undefined }
        holdings.set(name, holding)
        held.signal.addEventListener('abort', () => {
          if (holdings.get(name) === holding) take(name)
        })
        last(name, holding, ttl, since)
        return true
      },
      async delete(key, owner) {
        if (!(await take(nameOf(key, owner)).release())) throw new NotOwned()
      },
      async forceDelete(key) {
        const here = [...holdings].find(([, holding]) => holding.key === key)
        // Where this process has lost it without knowing yet, another may hold it.
        if (here && (await take(here[0]).release())) return
        await lockOf(key).forceRelease({ reason: 'forceRelease() of verrou' })
      },
      async extend(key, owner, duration) {
        const name = nameOf(key, owner)
        const holding = holdings.get(name)
        const since = performance.now()
        if (!holding || holding.until <= since || !(await holding.held.extend())) throw new NotOwned()
        last(name, holding, duration, since)
      },
      async exists(key) {
        await settled(key)
        return lockOf(key).isLocked()
      },
    }
  }

  return { factory: open }
}

function locksByKey(namespace: OpenLocks): (key: string) => Lock {
  if (typeof namespace !== 'function' || namespace.declaration?.kind !== 'lock') {
    const message = `verrouStore() was given ${kindOf(namespace)}; give it an open lock, such as redis.locks`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  if (namespace.declaration.options.quorum) {
    throw new KeyplanError('PARAM_INVALID', 'verrouStore() was given locks of a quorum; give it locks of one server')
  }
  const { source, params } = namespace.pattern
  const [param] = params
  if (param === undefined || params.length > 1) {
    const message = `verrouStore() needs a lock with one param and '${source}' has ${params.length}; write it as 'locks:<key>'`
    throw new KeyplanError('PLAN_INVALID', message)
  }
  const lockOf = namespace as unknown as (params: Record<string, string>) => Lock
  return key => lockOf({ [param]: key })
}
