import { storedText } from '../base/codec/stored-text.ts'
import { KeyplanError, kindOf } from '../base/error.ts'
import { lasting, type OneParamCache, type Sole, shelfOf } from './shelf.ts'

/** What unstorage hands down of a call. */
interface UnstorageOptions {
  /** In seconds; without one, the namespace's. */
  ttl?: number
}

/** A driver for `createStorage` and `mount`. */
export interface UnstorageDriver {
  readonly name: 'keyplan'
  readonly flags: { readonly ttl: true }
  hasItem(key: string): Promise<boolean>
  getItem(key: string): Promise<string | null>
  getItemRaw(key: string): Promise<Uint8Array | null>
  setItem(key: string, value: string, options?: UnstorageOptions): Promise<void>
  /** @throws KeyplanError VALUE_INVALID for what is neither text nor bytes */
  setItemRaw(key: string, value: unknown, options?: UnstorageOptions): Promise<void>
  removeItem(key: string): Promise<void>
  getKeys(base?: string): Promise<string[]>
  clear(base?: string): Promise<void>
}

/**
 * A driver for unstorage over a cache of bytes: `createStorage({ driver: unstorageDriver(redis.files) })`. `dispose` lets
 * the connection be: it is the application's.
 *
 * @throws KeyplanError PLAN_INVALID when the keys of the cache do not have one param, or have it hashed
 */
export function unstorageDriver<Name extends string>(
  namespace: OneParamCache<Name, Uint8Array> & Sole<Name>,
): UnstorageDriver {
  const shelf = shelfOf(namespace, { caller: 'unstorageDriver', lists: true })

  async function put(key: string, value: unknown, options: UnstorageOptions | undefined): Promise<void> {
    const seconds = options?.ttl
    await shelf.at(key).set(bytesOf(value), lasting(seconds ? seconds * 1_000 : undefined))
  }

  return {
    name: 'keyplan',
    flags: { ttl: true },
    hasItem: key => shelf.at(key).has(),
    async getItem(key) {
      const value = await shelf.at(key).get()
      return value === undefined ? null : storedText(value)
    },
    getItemRaw: async key => (await shelf.at(key).get()) ?? null,
    setItem: put,
    setItemRaw: put,
    async removeItem(key) {
      await shelf.at(key).delete()
    },
    async getKeys(base) {
      const keys = new Set<string>()
      for await (const key of shelf.keys(below(base))) keys.add(key)
      return [...keys]
    },
    clear: base => shelf.clear(below(base)),
  }
}

/** The prefix of what is below a base: `users` is not the base of `usersAbc`. */
const below = (base = '') => (base === '' || base.endsWith(':') ? base : `${base}:`)

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  const message = `setItemRaw() was given ${kindOf(value)}; give it text, a Uint8Array or an ArrayBuffer`
  throw new KeyplanError('VALUE_INVALID', message, { outcome: 'not-executed' })
}
