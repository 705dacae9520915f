import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Agent, type cacheStores, type Dispatcher, interceptors, request } from 'undici'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { undiciStore } from '../../src/adapters/undici.ts'
import { until } from '../live-server.ts'
import { overBoth } from './over-both.ts'

type Store = InstanceType<typeof cacheStores.MemoryCacheStore>
type CacheStore = Pick<Store, 'get' | 'createWriteStream' | 'delete'>

describe('undici', () => {
  overBoth(consumer => {
    let origin: string
    let asked: IncomingMessage[]
    let answer: (request: IncomingMessage, response: ServerResponse) => void
    let close: () => Promise<unknown>
    const agents: Agent[] = []

    beforeEach(async () => {
      asked = []
      const server = createServer((incoming, response) => {
        asked.push(incoming)
        answer(incoming, response)
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      close = async () => {
        await Promise.all(agents.splice(0).map(agent => agent.destroy()))
        server.closeAllConnections()
        await new Promise(resolve => server.close(resolve))
      }
    })
    afterEach(() => close())

    /** As another process would have it: nothing is shared but the cache. */
    function opened(options: Parameters<typeof undiciStore>[1] = {}, cached: object = {}): Dispatcher {
      const store: CacheStore = undiciStore(consumer.redis.bytes, options)
      const agent = new Agent()
      agents.push(agent)
      return agent.compose(interceptors.cache({ store, ...cached }))
    }

    async function ask(
      path: string,
      headers: Record<string, string> = {},
      method: 'GET' | 'POST' | 'HEAD' = 'GET',
      by = opened(),
    ) {
      const response = await request(origin + path, { dispatcher: by, headers, method })
      return {
        status: response.statusCode,
        headers: response.headers,
        body: Buffer.from(await response.body.arrayBuffer()),
      }
    }

    /** A response is stored while its reader goes on. */
    const stored = (path: string, count = 1) =>
      until(async () => {
        let found = 0
        for await (const { key } of consumer.redis.bytes.keys()) if (key.startsWith('response:')) found++
        const address = await consumer.redis.bytes({ key: `url:${origin}${path}` }).has()
        return address && found >= count
      })

    test('the second request, of another process, is answered by the cache', async () => {
      const body = gzipSync(Buffer.from('ü'.repeat(5_000)))
      answer = (_request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=600', 'content-encoding': 'gzip', 'x-list': ['a', 'b'] })
        response.write(body.subarray(0, 10))
        response.end(body.subarray(10))
      }
      const first = await ask('/a?b=1')
      await stored('/a?b=1')
      const second = await ask('/a?b=1')
      expect(asked.length).toBe(1)
      expect(second.status).toBe(200)
      expect(second.body.equals(body) && first.body.equals(body)).toBe(true)
      expect(second.headers).toMatchObject({ 'content-encoding': 'gzip', 'x-list': first.headers['x-list'] })
      expect(second.headers.age).toBeDefined()
      await ask('/a?b=2')
      expect(asked.length).toBe(2)
    })

    test('a response that varies is kept once for each of its variants', async () => {
      answer = ({ headers }, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=600', vary: 'Accept-Language, X-Kind' })
        response.end(`${headers['accept-language']} ${headers['x-kind']}`)
      }
      const variants: Record<string, string>[] = [
        { 'accept-language': 'de' },
        { 'accept-language': 'en' },
        { 'accept-language': 'de', 'x-kind': '1' },
      ]
      for (const [index, headers] of variants.entries()) {
        await ask('/v', headers)
        await stored('/v', index + 1)
      }
      const bodies = []
      for (const headers of variants) bodies.push((await ask('/v', { ...headers, 'x-other': '1' })).body.toString())
      expect(bodies).toEqual(['de undefined', 'en undefined', 'de 1'])
      expect(asked.length).toBe(3)
      await ask('/v')
      expect(asked.length).toBe(4)
    })

    test('a stale response is asked about by its etag, and lives on when it still stands', async () => {
      answer = ({ headers }, response) => {
        const fresh = headers['if-none-match'] === '"one"'
        response.writeHead(fresh ? 304 : 200, { 'cache-control': 'no-cache', etag: '"one"' })
        response.end(fresh ? undefined : 'body')
      }
      expect((await ask('/e')).body.toString()).toBe('body')
      await stored('/e')
      const second = await ask('/e')
      expect([second.status, second.body.toString()]).toEqual([200, 'body'])
      expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"one"'])
    })

    test('a request that changes the resource removes all that is cached of it', async () => {
      let version = 0
      answer = ({ method }, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=600', vary: 'accept' })
        response.end(method === 'GET' ? `version ${version}` : undefined)
      }
      for (const [index, accept] of ['a', 'b'].entries()) {
        await ask('/r', { accept })
        await stored('/r', index + 1)
      }
      version++
      await ask('/r', {}, 'POST')
      await until(async () => !(await consumer.redis.bytes({ key: `url:${origin}/r` }).has()))
      for (const accept of ['a', 'b']) expect((await ask('/r', { accept })).body.toString()).toBe('version 1')
    })

    test('methods are told apart, and an empty body is one', async () => {
      answer = ({ method }, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=600', 'x-method': method! })
        response.end()
      }
      const both = opened({}, { methods: ['GET', 'HEAD'] })
      await ask('/m', {}, 'GET', both)
      await stored('/m')
      await ask('/m', {}, 'HEAD', both)
      await stored('/m', 2)
      expect((await ask('/m', {}, 'HEAD', both)).headers['x-method']).toBe('HEAD')
      const get = await ask('/m', {}, 'GET', both)
      expect([get.headers['x-method'], get.body.length, asked.length]).toEqual(['GET', 0, 2])
    })

    test('an address of any length, and a body that is larger than may be stored', async () => {
      answer = (_request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=600' })
        response.end('x'.repeat(4_096))
      }
      const long = `/${'%20'.repeat(2_000)}`
      await ask(long)
      await until(async () => {
        for await (const { key } of consumer.redis.bytes.keys()) if (key.startsWith('response:')) return true
        return false
      })
      await ask(long)
      expect(asked.length).toBe(1)
      const small = opened({ maxBody: '4kb' })
      const smaller = opened({ maxBody: '4095b' })
      expect((await ask('/large', {}, 'GET', smaller)).body.length).toBe(4_096)
      expect((await ask('/large', {}, 'GET', small)).body.length).toBe(4_096)
      await stored('/large', 2)
      await ask('/large', {}, 'GET', smaller)
      expect(asked.length).toBe(3)
      expect(() => undiciStore(consumer.redis.bytes, { maxBody: '5' as never })).toThrow('maxBody')
    })

    test('a response ends when undici says so', async () => {
      const store = undiciStore(consumer.redis.bytes)
      const key = { origin, path: '/t', method: 'GET', headers: {} }
      const now = Date.now()
      const value = {
        statusCode: 200,
        statusMessage: 'OK',
        headers: {},
        cachedAt: now,
        staleAt: now + 40,
        deleteAt: now + 80,
      }
      const write = (body: string) =>
        new Promise<void>((resolve, reject) => {
          store.createWriteStream(key, value).on('finish', resolve).on('error', reject).end(Buffer.from(body))
        })
      await write('x')
      await until(async () => (await store.get(key)) === undefined)
      await write('too late')
      expect(await store.get(key)).toBeUndefined()
      await store.delete(key)
    })

    test('what somebody else has put there is no response', async () => {
      const key = { origin, path: '/g', method: 'GET' }
      for (const garbage of ['', 'x', '{"head":\n', '{"head":{},"lengths":[5]}\nabc', 'null\n']) {
        await consumer.redis.bytes({ key: `url:${origin}/g` }).set(Buffer.from(garbage))
        expect(await undiciStore(consumer.redis.bytes).get(key)).toBeUndefined()
      }
    })
  })
})
