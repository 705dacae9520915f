import type { Duration } from '../base/duration.ts'
import { KeyplanError, kindOf } from '../base/error.ts'
import type { Keyed } from '../client/client.ts'
import type { CacheEntry, CacheNamespace } from '../kinds/cache/contract.ts'
import type { Declaration } from '../plan/declaration.ts'

/** An open cache whose keys have one param, such as `redis.http` of `http: cache('http:<key...>', …)`. */
export type OneParamCache<Name extends string, Value> = CacheNamespace<Record<Name, string | number>, Value, Value> &
  Pick<Keyed<Declaration>, 'pattern'>

type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (all: infer All) => void
  ? All
  : never

/** Beside `OneParamCache`: compiles for one param alone. */
export type Sole<Name extends string> = [Name] extends [never]
  ? 'the pattern of this cache needs a param'
  : [Name] extends [Intersection<Name>]
    ? unknown
    : 'the pattern of this cache has more than one param'

/** A cache as its adapters see it: values by one text. */
export interface Shelf<Value> {
  at(key: string): CacheEntry<Value, Value>
  getMany(keys: readonly string[]): Promise<(Value | undefined)[]>
  /** @param entries `ttl` in milliseconds; without one, the namespace's */
  setMany(entries: readonly { key: string; value: Value; ttl?: number | undefined }[]): Promise<void>
  deleteMany(keys: readonly string[]): Promise<'done' | 'owed'>
  /** What begins with the prefix. May repeat a key. */
  keys(prefix: string): AsyncGenerator<string, void>
  /** Removes what begins with the prefix: by its keys, save for the whole namespace. */
  clear(prefix: string): Promise<void>
}

interface ShelfNeeds {
  /** Which function was called, for errors. */
  readonly caller: string
  /** The keys are listed, so that they must stand in Redis as they are. */
  readonly lists: boolean
}

const pageSize = 500

/** @throws KeyplanError PARAM_INVALID when it is no open cache; PLAN_INVALID when its keys do not have one param, or have it hashed and are to be listed */
export function shelfOf<Name extends string, Value>(
  namespace: OneParamCache<Name, Value>,
  { caller, lists }: ShelfNeeds,
): Shelf<Value> {
  const name = paramOf(namespace, caller, lists)
  const paramsOf = (key: string) => ({ [name]: key }) as Record<Name, string>
  const deleteMany = (keys: readonly string[]) => namespace.deleteMany(keys.map(paramsOf))

  async function* keys(prefix: string) {
    for await (const params of namespace.keys()) if (params[name].startsWith(prefix)) yield params[name]
  }

  return {
    at: key => namespace(paramsOf(key)),
    getMany: list => namespace.getMany(list.map(paramsOf)),
    async setMany(entries) {
      await namespace.setMany(entries.map(({ key, value, ttl }) => ({ params: paramsOf(key), value, ...lasting(ttl) })))
    },
    deleteMany,
    keys,
    async clear(prefix) {
      if (prefix === '') {
        await namespace.clear()
        return
      }
      let page: string[] = []
      for await (const key of keys(prefix)) {
        page.push(key)
        if (page.length < pageSize) continue
        await deleteMany(page)
        page = []
      }
      await deleteMany(page)
    },
  }
}

/** The options of a write that is to last so many milliseconds; without a number, as long as the namespace says. */
export function lasting(ms: number | undefined): { ttl?: Duration } {
  if (ms === undefined) return {}
  return { ttl: `${Math.min(Math.max(1, Math.ceil(ms)), longestMs)}ms` }
}

/** 10,000 days, the longest that a namespace takes. */
const longestMs = 864_000_000_000

function paramOf<Name extends string, Value>(
  namespace: OneParamCache<Name, Value>,
  caller: string,
  lists: boolean,
): Name {
  if (typeof namespace !== 'function' || typeof namespace.keys !== 'function') {
    const message = `${caller}() was given ${kindOf(namespace)}; give it an open cache, such as redis.http`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  const { source, params, parts } = namespace.pattern
  const [name] = params
  if (name === undefined || params.length > 1) {
    const message = `${caller}() needs a cache with one param and '${source}' has ${params.length}; write it as 'http:<key...>'`
    throw new KeyplanError('PLAN_INVALID', message)
  }
  if (lists && parts.some(part => 'param' in part && part.hashed)) {
    throw new KeyplanError('PLAN_INVALID', `${caller}() lists keys and '${source}' has them hashed; take out hashed`)
  }
  return name as Name
}
