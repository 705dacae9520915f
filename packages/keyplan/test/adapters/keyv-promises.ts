import { describe, expect, test } from 'vitest'
import { type KeyvStore, keyvStore } from '../../src/adapters/keyv.ts'
import { until } from '../live-server.ts'
import { overBoth } from './over-both.ts'

/** What every version of Keyv has. */
export interface AnyKeyv {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown, ttl?: number): Promise<boolean>
  setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<unknown>
  getMany(keys: string[]): Promise<unknown[]>
  has(key: string): Promise<boolean>
  hasMany(keys: string[]): Promise<boolean[]>
  delete(key: string): Promise<boolean>
  deleteMany(keys: string[]): Promise<unknown>
  clear(): Promise<void>
}

interface KeyvOptions {
  store: KeyvStore
  namespace?: string
  ttl?: number
}

/** What `keyvStore` promises to a version of Keyv. */
export function keyvPromises(
  version: string,
  open: (options: KeyvOptions) => AnyKeyv,
  iterate: (keyv: AnyKeyv) => AsyncIterable<[string, unknown]>,
): void {
  describe(`Keyv ${version}`, () => {
    overBoth(consumer => {
      const opened = (options: Partial<KeyvOptions> = {}) =>
        open({ store: keyvStore(consumer.redis.texts), namespace: 'app', ...options })

      test('what is set is read, and known to be there, until it is deleted', async () => {
        const keyv = opened()
        expect(await keyv.get('a')).toBeUndefined()
        expect(await keyv.set('a', { name: 'Ü', list: [1, null] })).toBe(true)
        expect(await keyv.get('a')).toEqual({ name: 'Ü', list: [1, null] })
        expect([await keyv.has('a'), await keyv.has('b')]).toEqual([true, false])
        expect([await keyv.delete('a'), await keyv.delete('a')]).toEqual([true, false])
        expect(await keyv.get('a')).toBeUndefined()
      })

      test('many at once keep their order', async () => {
        const keyv = opened()
        await keyv.setMany(['a', 'b', 'c'].map(key => ({ key, value: key.toUpperCase() })))
        expect(await keyv.getMany(['c', 'none', 'a'])).toEqual(['C', undefined, 'A'])
        expect(await keyv.hasMany(['c', 'none', 'a'])).toEqual([true, false, true])
        // Keyv 5 says it of all, Keyv 6 of each.
        expect([await keyv.deleteMany(['a', 'c', 'none'])].flat()).toContain(true)
        expect([await keyv.deleteMany(['a', 'none'])].flat()).not.toContain(true)
        expect(await keyv.getMany(['a', 'b', 'c'])).toEqual([undefined, 'B', undefined])
      })

      test('a value ends with the time it was given, on the server too; without one with that of the namespace', async () => {
        const keyv = opened()
        const ofKeyv = opened({ ttl: 90_000 })
        await keyv.set('brief', 1, 40)
        await keyv.setMany([{ key: 'brief too', value: 1, ttl: 40 }])
        await keyv.set('long', 2)
        await ofKeyv.set('own', 3)
        await until(async () => !(await keyv.has('brief')) && !(await keyv.has('brief too')))
        expect(await keyv.getMany(['brief', 'long', 'own'])).toEqual([undefined, 2, 3])
        const { redis, server } = consumer
        if (!server) return
        const keys = []
        for await (const { key } of redis.texts.keys()) keys.push(key)
        expect(keys.length).toBe(2)
        const ttls = keys.map(async key => [key.at(-1), Number(await server.ask('PTTL', redis.texts.key({ key })))])
        const { g: long, n: own } = Object.fromEntries(await Promise.all(ttls))
        expect(long).toBeGreaterThan(3_500_000)
        expect(long).toBeLessThanOrEqual(3_600_000)
        expect(own).toBeGreaterThan(60_000)
        expect(own).toBeLessThanOrEqual(90_000)
      })

      test('namespaces share nothing, and clear takes its own alone', async () => {
        const users = opened({ namespace: 'users' })
        const usersAbc = opened({ namespace: 'usersAbc' })
        const none = open({ store: keyvStore(consumer.redis.texts), namespace: undefined as never })
        for (const keyv of [users, usersAbc]) for (let id = 0; id < 700; id++) await keyv.set(`${id}`, id)
        await users.set('Abc', 1)
        await users.clear()
        expect([await users.get('1'), await users.get('Abc'), await usersAbc.get('1')]).toEqual([
          undefined,
          undefined,
          1,
        ])
        expect(await usersAbc.getMany(Array.from({ length: 700 }, (_, id) => `${id}`))).not.toContain(undefined)
        await none.clear()
        expect(await usersAbc.get('1')).toBeUndefined()
      })

      test('iterates what is of its namespace', async () => {
        const keyv = opened()
        const other = opened({ namespace: 'application' })
        await other.set('x', 'other')
        const wanted: Record<string, number> = {}
        for (let id = 0; id < 250; id++) wanted[`user:${id}`] = id
        await keyv.setMany(Object.entries(wanted).map(([key, value]) => ({ key, value })))
        const seen: Record<string, unknown> = {}
        for await (const [key, value] of iterate(keyv)) seen[key] = value
        expect(seen).toEqual(wanted)
      })
    })
  })
}
