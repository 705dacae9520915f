import { lasting, type OneParamCache, type Shelf, type Sole, shelfOf } from './shelf.ts'

/** The second layer of a BentoCache store. */
export interface BentoDriver {
  type: 'l2'
  namespace(name: string): BentoDriver
  get(key: string): Promise<string | undefined>
  /** Reads, then removes: two callers at once may both be given the value. */
  pull(key: string): Promise<string | undefined>
  /** @param ttl in milliseconds; without one, the namespace's */
  set(key: string, value: string, ttl?: number): Promise<boolean>
  delete(key: string): Promise<boolean>
  deleteMany(keys: string[]): Promise<boolean>
  /** Removes what is below the prefix of this driver. */
  clear(): Promise<void>
  /** Does nothing: the connection is the application's. */
  disconnect(): Promise<void>
}

/** What `useL2Layer` takes. */
export interface BentoDriverFactory {
  options: Record<string, never>
  factory(config: { prefix?: string }): BentoDriver
}

/**
 * The second layer of a BentoCache store over a cache of text: `bentostore().useL2Layer(bentoDriver(redis.http))`. What
 * BentoCache stores forever has the namespace's time to live.
 *
 * @throws KeyplanError PLAN_INVALID when the keys of the cache do not have one param, or have it hashed
 */
export function bentoDriver<Name extends string>(
  namespace: OneParamCache<Name, string> & Sole<Name>,
): BentoDriverFactory {
  const shelf = shelfOf(namespace, { caller: 'bentoDriver', lists: true })
  return { options: {}, factory: ({ prefix = '' }) => driverOf(shelf, prefix.replace(/:+$/, '')) }
}

function driverOf(shelf: Shelf<string>, name: string): BentoDriver {
  const prefix = name === '' ? '' : `${name}:`
  const at = (key: string) => shelf.at(prefix + key)
  return {
    type: 'l2',
    namespace: inner => driverOf(shelf, prefix + inner),
    get: key => at(key).get(),
    async pull(key) {
      const [value] = await Promise.all([at(key).get(), at(key).delete()])
      return value
    },
    async set(key, value, ttl) {
      return (await at(key).set(value, lasting(ttl || undefined))) === 'done'
    },
    async delete(key) {
      const [stood] = await Promise.all([at(key).has(), at(key).delete()])
      return stood
    },
    async deleteMany(keys) {
      return (await shelf.deleteMany(keys.map(key => prefix + key))) === 'done'
    },
    clear: () => shelf.clear(prefix),
    disconnect: async () => {},
  }
}
