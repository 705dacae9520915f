import { describe, expect, test } from 'vitest'
import type { IdempotencyNamespace } from '../../../src/adapters/idempotency/requests.ts'
import type { NodeIdempotencyOptions } from '../../../src/adapters/idempotency.ts'
import { bytes, definePlan, once } from '../../../src/index.ts'
import { deferred } from '../../conformance/deferred.ts'
import { killableServer } from '../../killable-server.ts'
import { until } from '../../live-server.ts'
import type { Served } from './listening.ts'

const plan = definePlan('payments', {
  requests: once('idem:<caller>:<key>', { ttl: '1h', lease: '5s', onCrash: 'rerun', value: bytes() }),
})

/** What a handler answers. */
export interface Made {
  readonly status: number
  readonly text: string
}

export interface IdempotentFramework<Request> {
  readonly name: string
  caller(request: Request): string
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
export function idempotentPromises<Request>({ name, caller, serve }: IdempotentFramework<Request>): void {
  describe(`idempotent for ${name}`, () => {
    const setup = killableServer(plan)

    async function paying(
      handle: (request: object) => Promise<Made>,
      options: Partial<NodeIdempotencyOptions<Request>> = {},
    ) {
      const application = setup.closing(await serve(setup.redis.requests, { caller, ...options }, handle))
      return async (key: string | undefined, { amount = 5, user = 'ann', method = 'POST' } = {}) => {
        const response = await fetch(new URL('payments', application.url), {
          method,
          headers: { 'content-type': 'application/json', 'x-user': user, ...(key && { 'idempotency-key': key }) },
          body: method === 'GET' ? null : JSON.stringify({ amount }),
        })
        const { status, headers } = response
        return {
          status,
          text: await response.text(),
          location: headers.get('location'),
          replayed: headers.get('idempotent-replayed'),
          earlier: [headers.get('x-request-id'), headers.getSetCookie()],
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
      expect(await pay('a')).toEqual({ ...first, replayed: null })
      expect(await pay('a')).toEqual({ ...first, replayed: 'true' })
      expect(await pay('"a"')).toEqual({ ...first, replayed: 'true' })
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

    test('what stood in the response before keeps standing there, and nothing of a handler that was replaced', async () => {
      const counter = counting()
      const gate = deferred<Made>()
      const pay = await paying(counter.handle)
      const lost = await paying(() => gate.promise)
      expect(await pay(undefined)).toMatchObject({ status: 400, location: null, earlier })
      await pay('a')
      expect(await pay('a')).toMatchObject({ replayed: 'true', location: '/payments/1', earlier })
      const taken = lost('b')
      const key = setup.redis.requests.key({ caller: 'ann', key: 'b' })
      await until(async () => (await setup.redis.$command('exists', [key])) === 1)
      await setup.redis.$command('del', [key])
      gate.resolve({ status: 201, text: 'never sent' })
      expect(await taken).toMatchObject({ status: 409, location: null, earlier })
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
