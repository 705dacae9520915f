import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { type Size, sizeBytes } from '../base/size.ts'
import { digest, keyOf, openFrame, sealFrame } from './frame.ts'
import { lasting, type OneParamCache, type Sole, shelfOf } from './shelf.ts'

/** A request, as undici names it. */
export interface UndiciCacheKey {
  origin: string
  method: string
  path: string
  headers?: Record<string, string | string[]>
}

/** A response without its body, as undici describes it; times in milliseconds since 1970. */
export interface UndiciCacheValue {
  statusCode: number
  statusMessage: string
  headers: Record<string, string | string[]>
  vary?: Record<string, string | string[] | null>
  etag?: string
  cacheControlDirectives?: object
  cachedAt: number
  staleAt: number
  deleteAt: number
}

/** A store for undici's `interceptors.cache`. */
export interface UndiciCacheStore {
  get(key: UndiciCacheKey): Promise<UndiciCacheResult | undefined>
  createWriteStream(key: UndiciCacheKey, value: UndiciCacheValue): Writable
  delete(key: UndiciCacheKey): Promise<void>
}

export interface UndiciCacheResult extends UndiciCacheValue {
  cacheControlDirectives: object
  body: Buffer[]
}

/** What is known of a URL. Its responses are found through it, so that its removal removes all of them at once. */
interface Address {
  /** Responses of another one are gone. */
  readonly generation: string
  /** The headers that its responses vary by, in order. */
  readonly vary: readonly string[]
  /** When it ends, in milliseconds since 1970. No response outlives it. */
  readonly until: number
}

interface Response {
  readonly generation: string
  readonly value: UndiciCacheValue
}

/** A URL is remembered for at least an hour: to begin it anew costs the responses it has. */
const shortestMs = 3_600_000

/**
 * A store for undici over a cache of bytes: `interceptors.cache({ store: undiciStore(redis.http) })`. Each response lives as
 * long as undici says. One that is larger than `maxBody` (default 5mb) is passed on and not stored.
 *
 * @throws KeyplanError PLAN_INVALID when the keys of the cache do not have one param; PARAM_INVALID for `maxBody`
 */
export function undiciStore<Name extends string>(
  namespace: OneParamCache<Name, Uint8Array> & Sole<Name>,
  { maxBody = '5mb' }: { maxBody?: Size } = {},
): UndiciCacheStore {
  const shelf = shelfOf(namespace, { caller: 'undiciStore', lists: false })
  const most = sizeBytes(maxBody, 'maxBody')
  const addressOf = (key: UndiciCacheKey) => shelf.at(keyOf('url', key.origin + key.path))
  const responseOf = (key: UndiciCacheKey, vary: readonly string[]) => shelf.at(`response:${variantOf(key, vary)}`)
  const readAddress = async (key: UndiciCacheKey) => openFrame<Address>(await addressOf(key).get())?.head
  const readResponse = async (key: UndiciCacheKey, vary: readonly string[]) =>
    openFrame<Response>(await responseOf(key, vary).get())

  async function put(key: UndiciCacheKey, value: UndiciCacheValue, body: Uint8Array): Promise<void> {
    const now = Date.now()
    const life = value.deleteAt - now
    if (life <= 0) return
    const names = Object.keys(value.vary ?? {})
    let address = await readAddress(key)
    if (!address || address.until < value.deleteAt || names.some(name => !address?.vary.includes(name))) {
      const vary = [...new Set([...(address?.vary ?? []), ...names])].sort()
      const lasts = Math.max(shortestMs, 2 * life)
      // Never the generation from before: somebody may have removed the URL since it was read.
      address = { generation: randomUUID(), vary, until: now + lasts }
      await addressOf(key).set(sealFrame({ head: address, bodies: [] }), lasting(lasts))
    }
    const head: Response = { generation: address.generation, value }
    await responseOf(key, address.vary).set(sealFrame({ head, bodies: [body] }), lasting(life))
  }

  return {
    async get(key) {
      // Most responses vary by nothing: both are asked for in one round trip.
      const [address, plain] = await Promise.all([readAddress(key), readResponse(key, [])])
      if (!address) return undefined
      const response = address.vary.length === 0 ? plain : await readResponse(key, address.vary)
      if (response?.head.generation !== address.generation || response.head.value.deleteAt <= Date.now()) {
        return undefined
      }
      const { value } = response.head
      const body = response.bodies.filter(({ length }) => length > 0)
      return {
        ...value,
        cacheControlDirectives: value.cacheControlDirectives ?? {},
        body: body.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
      }
    },

    createWriteStream(key, value) {
      const chunks: Buffer[] = []
      let size = 0
      return new Writable({
        write(chunk: Buffer, _encoding, done) {
          size += chunk.length
          // Without an error, for which undici would remove the URL.
          if (size > most) this.destroy()
          else chunks.push(chunk)
          done()
        },
        final(done) {
          put(key, value, Buffer.concat(chunks)).then(() => done(), done)
        },
      })
    },

    delete(key) {
      const removal = addressOf(key)
        .delete()
        .then(() => {})
      // undici does not always wait for it, and what nobody waits for must not end the process.
      removal.catch(() => {})
      return removal
    },
  }
}

function variantOf({ origin, path, method, headers }: UndiciCacheKey, vary: readonly string[]): string {
  return digest(JSON.stringify([origin, path, method, vary.map(name => headers?.[name] ?? null)]))
}
