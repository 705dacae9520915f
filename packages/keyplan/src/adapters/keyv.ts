import { lasting, type OneParamCache, type Sole, shelfOf } from './shelf.ts'

/** A store for Keyv 5, and for Keyv 6, which wraps it in its bridge. */
export interface KeyvStore {
  /** What Keyv 5 asks for before it lets a store be iterated. */
  readonly opts: { readonly dialect: 'redis'; readonly url: string }
  /** Set by Keyv. */
  namespace: string | undefined
  get<Value>(key: string): Promise<Value | undefined>
  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]>
  has(key: string): Promise<boolean>
  hasMany(keys: string[]): Promise<boolean[]>
  /** @param ttl in milliseconds; without one, or 0, the namespace's */
  set(key: string, value: string, ttl?: number): Promise<boolean>
  setMany(entries: { key: string; value: string; ttl?: number }[]): Promise<void>
  delete(key: string): Promise<boolean>
  deleteMany(keys: string[]): Promise<boolean>
  /** Removes what is of Keyv's namespace; everything, when it has none. */
  clear(): Promise<void>
  iterator(): AsyncGenerator<[key: string, value: string], void>
  on(event: string, listener: (...args: never[]) => void): this
}

const pageSize = 100

/**
 * A store for Keyv over a cache of text: `new Keyv({ store: keyvStore(redis.http) })`. Keyv serializes the values. A value
 * that Keyv gives no time to live has the namespace's. Make a store for each Keyv, since Keyv keeps its namespace on it.
 *
 * @throws KeyplanError PLAN_INVALID when the keys of the cache do not have one param, or have it hashed
 */
export function keyvStore<Name extends string>(namespace: OneParamCache<Name, string> & Sole<Name>): KeyvStore {
  const shelf = shelfOf(namespace, { caller: 'keyvStore', lists: true })
  const prefix = () => (store.namespace ? `${store.namespace}::` : '')
  const own = (key: string) => prefix() + key
  const at = (key: string) => shelf.at(own(key))
  const standingOf = (keys: readonly string[]) => Promise.all(keys.map(key => at(key).has()))

  // Keyv 6 takes for asynchronous only what is declared so.
  const store: KeyvStore = {
    opts: { dialect: 'redis', url: '' },
    namespace: undefined,
    async get<Value>(key: string) {
      return (await at(key).get()) as Value | undefined
    },
    async getMany<Value>(keys: string[]) {
      return (await shelf.getMany(keys.map(own))) as (Value | undefined)[]
    },
    async has(key) {
      return at(key).has()
    },
    async hasMany(keys) {
      return standingOf(keys)
    },
    async set(key, value, ttl) {
      return (await at(key).set(value, lasting(ttl || undefined))) === 'done'
    },
    async setMany(entries) {
      await shelf.setMany(entries.map(({ key, value, ttl }) => ({ key: own(key), value, ttl: ttl || undefined })))
    },
    async delete(key) {
      // Both leave in one write, in this order.
      const [stood] = await Promise.all([at(key).has(), at(key).delete()])
      return stood
    },
    async deleteMany(keys) {
      const [stood] = await Promise.all([standingOf(keys), shelf.deleteMany(keys.map(own))])
      return stood.includes(true)
    },
    async clear() {
      await shelf.clear(prefix())
    },
    async *iterator() {
      const start = prefix()
      let page: string[] = []
      for await (const key of shelf.keys(start)) {
        page.push(key)
        if (page.length < pageSize) continue
        yield* standing(page, start)
        page = []
      }
      yield* standing(page, start)
    },
    on() {
      return store
    },
  }

  /** The values of listed keys, save those that have ended meanwhile. */
  async function* standing(keys: readonly string[], start: string): AsyncGenerator<[string, string], void> {
    const values = await shelf.getMany(keys)
    for (const [index, key] of keys.entries()) {
      const value = values[index]
      if (value !== undefined) yield [key.slice(start.length), value]
    }
  }

  return store
}
