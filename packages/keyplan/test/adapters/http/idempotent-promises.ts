import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { IdempotencyNamespace } from '../../../src/adapters/idempotency/requests.ts'
import { idempotencyOf, type NodeIdempotencyOptions } from '../../../src/adapters/idempotency.ts'
import { bytes, definePlan, once } from '../../../src/index.ts'
import { deferred } from '../../conformance/deferred.ts'
import { killableServer } from '../../killable-server.ts'
import { until } from '../../live-server.ts'
import type { Served } from './listening.ts'

const plan = definePlan('payments', {
  requests: once('idem:<caller>:<key>', { ttl: '1h', lease: '5s', onCrash: 'rerun', value: bytes() }),
})

/** Ways to answer that differ from one framework to another. */
export const ways = [
  /** 204, and nothing else. */
  'no content',
  /** 202, without a body and without a type. */
  'status alone',
  /** 304 with an ETag. */
  'not modified',
  /** 200, and a text that is empty. */
  'empty text',
  /** 200, and bytes whose type nobody has named. */
  'bytes',
  /** 200, and three pieces of text. */
  'stream',
  /** An error of status 422. */
  'thrown',
  /** 201 past the framework. */
  'by hand',
  /** 201, and then 500. */
  'twice',
  /** 200, and a text that what stands around the handler puts into brackets. */
  'wrapped',
] as const

/** What a handler answers: a text, or in one of the ways. */
export interface Made {
  readonly status: number
  readonly text: string
  readonly way?: (typeof ways)[number]
}

/** What a framework calls to answer in each of the ways. */
export type Ways<Exchange extends readonly unknown[]> = Record<
  (typeof ways)[number],
  (...exchange: Exchange) => unknown
>

export interface IdempotentFramework<Request> {
  readonly name: string
  caller(request: Request): string
  /** The connection on which it came. */
  socketOf(request: Request): Socket
  /**
   * Listens on loopback: `/payments`, for every method, behind the middleware, and in front of that one which gives each
   * response an `x-request-id` and two cookies. What `handle` gives is answered as text, with
   * a header `location`; what it throws is left to the framework.
   */
  serve(
    namespace: IdempotencyNamespace,
    options: NodeIdempotencyOptions<Request>,
    handle: (request: object) => Promise<Made>,
  ): Promise<Served>
}

/** What `Idempotency-Key` promises in any framework. */
export function idempotentPromises<Request>({ name, caller, socketOf, serve }: IdempotentFramework<Request>): void {
  describe(`idempotent for ${name}`, () => {
    const setup = killableServer(plan)

    /** Takes the mark of a key away from who works on it. */
    async function forget(key: string): Promise<void> {
      const mark = setup.redis.requests.key({ caller: 'ann', key })
      await until(async () => (await setup.redis.$command('exists', [mark])) === 1)
      await setup.redis.$command('del', [mark])
    }

    async function paying(
      handle: (request: object) => Promise<Made>,
      options: Partial<NodeIdempotencyOptions<Request>> = {},
    ) {
      const application = setup.closing(await serve(setup.redis.requests, { caller, ...options }, handle))
      return async (
        key: string | undefined,
        { amount = 5, user = 'ann', method = 'POST', signal = null as AbortSignal | null } = {},
      ) => {
        const response = await fetch(new URL('payments', application.url), {
          method,
          headers: { 'content-type': 'application/json', 'x-user': user, ...(key && { 'idempotency-key': key }) },
          body: method === 'GET' ? null : JSON.stringify({ amount }),
          signal,
        })
        const { status, headers } = response
        return {
          status,
          text: await response.text(),
          location: headers.get('location'),
          replayed: headers.get('idempotent-replayed'),
          earlier: [headers.get('x-request-id'), headers.getSetCookie()],
          described: ['content-type', 'etag'].map(name => headers.get(name)),
        }
      }
    }

    const earlier = ['r1', ['a=1', 'b=2']]

    /** A handler that counts its calls. */
    function counting(): { calls: number; handle(): Promise<Made> } {
      const counter = {
        calls: 0,
        handle: async () => ({ status: 201, text: `payment ${++counter.calls}` }),
      }
      return counter
    }

    test('a request is handled once for each caller and key, and its response is replayed', async () => {
      const counter = counting()
      const pay = await paying(counter.handle)
      const first = { status: 201, text: 'payment 1', location: '/payments/1', earlier }
      expect(await pay('a')).toMatchObject({ ...first, replayed: null })
      expect(await pay('a')).toMatchObject({ ...first, replayed: 'true' })
      expect(await pay('"a"')).toMatchObject({ ...first, replayed: 'true' })
      expect((await pay('a', { user: 'bob' })).text).toBe('payment 2')
      expect((await pay('b')).text).toBe('payment 3')
      expect((await pay('a', { amount: 6 })).status).toBe(422)
      expect([(await pay(undefined)).status, (await pay('a, b')).status, counter.calls]).toEqual([400, 400, 3])
      expect([(await pay('a', { method: 'GET' })).text, (await pay('a', { method: 'GET' })).text]).toEqual([
        'payment 4',
        'payment 5',
      ])
    })

    test('a duplicate is refused while the first is at work, or waits for it', async () => {
      const gate = deferred<Made>()
      let calls = 0
      const handle = () => {
        calls++
        return gate.promise
      }
      const [pay, patiently] = [await paying(handle), await paying(handle, { wait: '20s' })]
      const first = pay('a')
      await until(() => calls === 1)
      expect((await pay('a')).status).toBe(409)
      const waiting = patiently('a')
      gate.resolve({ status: 200, text: 'done' })
      expect(await Promise.all([first, waiting])).toMatchObject([
        { text: 'done', replayed: null },
        { text: 'done', replayed: 'true' },
      ])
      expect(calls).toBe(1)
    })

    test('a handler that fails is run anew, and what is too large is replayed without its body', async () => {
      let calls = 0
      const pay = await paying(
        async () => {
          if (++calls === 1) throw new Error('broken')
          return { status: 200, text: 'x'.repeat(2_000) }
        },
        { maxBody: '1kb' },
      )
      expect((await pay('a')).status).toBe(500)
      expect((await pay('a')).text).toHaveLength(2_000)
      expect(await pay('a')).toMatchObject({ status: 200, text: '', replayed: 'truncated' })
      expect(calls).toBe(2)
    })

    test.each(ways)('what was answered is replayed as it was: %s', async way => {
      let calls = 0
      const pay = await paying(async () => {
        calls++
        return { status: 201, text: 'made', way }
      })
      const first = await pay('a', { signal: AbortSignal.timeout(10_000) })
      expect(first.replayed).toBeNull()
      // Koa's errors take away what earlier middleware has set; what is sent past Hono does not have it, and is not kept.
      const replayed = name === 'Hono' && way === 'by hand' ? 'truncated' : 'true'
      expect({ ...(await pay('a')), earlier }).toEqual({ ...first, earlier, replayed })
      expect(calls).toBe(1)
    })

    test('what is answered when the client has left is kept', async () => {
      const left = new AbortController()
      let calls = 0
      const pay = await paying(async request => {
        calls++
        const gone = new Promise<void>(resolve => socketOf(request as Request).once('close', () => resolve()))
        left.abort()
        await gone
        return { status: 201, text: 'made' }
      })
      expect(await pay('a', { signal: left.signal }).catch(() => 'gone')).toBe('gone')
      const again = await until(async () => {
        const answer = await pay('a')
        return answer.status !== 409 && answer
      })
      expect(again).toMatchObject({ status: 201, text: 'made', location: '/payments/1', replayed: 'true' })
      expect(calls).toBe(1)
    })

    test('a handler whose client has left, and which does not answer, has failed', async () => {
      const gate = deferred<Made>()
      const left = new AbortController()
      let signal: AbortSignal | undefined
      const pay = await paying(
        request => {
          signal = idempotencyOf(request, { required: true }).signal
          return gate.promise
        },
        { grace: '100ms' },
      )
      const operation = setup.redis.requests({ caller: 'ann', key: 'a' })
      const gone = pay('a', { signal: left.signal }).catch(() => 'gone')
      await until(() => signal)
      left.abort()
      expect(await gone).toBe('gone')
      await until(async () => (await operation.inspect()).state === 'none')
      expect(signal?.aborted).toBe(true)
      gate.resolve({ status: 201, text: 'late' })
      expect(await pay('a')).toMatchObject({ text: 'late', replayed: null })
    })

    test('an answer that cannot be stored is an error of the application', async () => {
      const key = setup.redis.requests.key({ caller: 'ann', key: 'a' })
      const pay = await paying(async () => {
        await setup.redis.$command('del', [key])
        await setup.redis.$command('set', [key, 'of another type'])
        return { status: 201, text: 'never sent' }
      })
      const { status, text } = await pay('a')
      expect([status, text.includes('never sent')]).toEqual([500, false])
    })

    test('what stood in the response before keeps standing there, and nothing of a handler that was replaced', async () => {
      const counter = counting()
      const gate = deferred<Made>()
      const pay = await paying(counter.handle)
      const lost = await paying(() => gate.promise)
      expect(await pay(undefined)).toMatchObject({ status: 400, location: null, earlier })
      await pay('a')
      expect(await pay('a')).toMatchObject({ replayed: 'true', location: '/payments/1', earlier })
      const taken = lost('b')
      await forget('b')
      expect(await pay('b')).toMatchObject({ status: 201, text: 'payment 2' })
      gate.resolve({ status: 201, text: 'never sent' })
      expect(await taken).toMatchObject({ status: 409, location: null, earlier })
      expect(await pay('b')).toMatchObject({ text: 'payment 2', replayed: 'true' })
    })

    test('what the server forgets while its handler works is sent all the same, and remembered', async () => {
      const gate = deferred<Made>()
      const pay = await paying(() => gate.promise)
      const first = pay('a')
      await forget('a')
      gate.resolve({ status: 201, text: 'paid' })
      expect(await first).toMatchObject({ status: 201, text: 'paid' })
      expect(await pay('a')).toMatchObject({ status: 201, text: 'paid', replayed: 'true' })
    })

    test('while Redis is down nothing is handled', async () => {
      const counter = counting()
      const pay = await paying(counter.handle)
      expect((await pay('a')).status).toBe(201)
      await setup.kill({ saved: true })
      const [again, other] = await Promise.all([pay('a'), pay('b')])
      expect([again.status, other.status, counter.calls]).toEqual([503, 503, 1])
      await setup.restart()
      expect(await pay('a')).toMatchObject({ text: 'payment 1', replayed: 'true' })
      expect((await pay('b')).text).toBe('payment 2')
    })
  })
}
