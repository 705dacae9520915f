import { once as happening } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect as dial } from 'node:net'
import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import express, { type Express, type Request } from 'express'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  idempotencyOf,
  idempotent,
  type NodeIdempotencyOptions,
  parseIdempotencyKey,
} from '../../src/adapters/idempotency.ts'
import { connect } from '../../src/client/index.ts'
import { bytes, definePlan, once } from '../../src/index.ts'
import { deferred } from '../conformance/deferred.ts'
import { until } from '../live-server.ts'

const plan = definePlan('shop', {
  requests: once('idem:<caller>:<key>', { ttl: '1h', lease: '5s', onCrash: 'rerun', value: bytes() }),
  careful: once('careful:<caller>:<key>', { ttl: '1h', lease: '5s', onCrash: 'refuse', value: bytes() }),
})

const open = (port: number) =>
  connect(plan, {
    url: `redis://127.0.0.1:${port}`,
    log: () => {},
    deadline: '1s',
    backoff: { min: '20ms', max: '100ms' },
  })

let server: RedisProcess
let proxy: FaultProxy
let redis: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const listening: Server[] = []
beforeEach(async () => {
  await server.ask('FLUSHALL')
  proxy = await startProxy({ to: server.port })
  redis = await open(proxy.port)
})
afterEach(async () => {
  for (const one of listening.splice(0)) {
    one.closeAllConnections()
    one.close()
  }
  await redis.$close()
  await proxy.close()
})

type Options = Partial<NodeIdempotencyOptions<Request>>

interface Shop {
  post(
    key: string | undefined,
    body?: object,
    more?: { path?: string; user?: string; signal?: AbortSignal },
  ): Promise<Response>
  handled: number
  readonly app: Express
  url: string
}

/** A real Express with one route behind the middleware. */
async function shop(
  handler: express.RequestHandler,
  options: Options = {},
  namespace: 'requests' | 'careful' = 'requests',
): Promise<Shop> {
  const app = express()
  const result: Shop = {
    app,
    url: '',
    handled: 0,
    post(key, body = { amount: 5 }, { path = '/payments', user = 'ann', signal } = {}) {
      const headers: Record<string, string> = { 'content-type': 'application/json', 'x-user': user }
      if (key !== undefined) headers['idempotency-key'] = key
      const init = { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null }
      return fetch(new URL(path, result.url), init)
    },
  }
  app.use(express.json())
  app.use(
    ['/payments', '/refunds'],
    idempotent<Request>(redis[namespace], { caller: request => request.get('x-user'), ...options }),
    (request, response, next) => {
      result.handled++
      return handler(request, response, next)
    },
  )
  const http = createServer(app)
  listening.push(http)
  http.listen(0, '127.0.0.1')
  await happening(http, 'listening')
  result.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return result
}

const pay: express.RequestHandler = (request, response) => {
  response
    .status(201)
    .set({ Location: '/payments/1', 'Set-Cookie': 'session=secret', 'X-Trace': 'first' })
    .json({ paid: request.body.amount, token: idempotencyOf(request)?.token })
}

test('who needs a run says so, and is told when there is none', async () => {
  const runs: (string | undefined)[] = []
  const { post } = await shop(
    (request, response) => {
      if (idempotencyOf(request)) runs.push(idempotencyOf(request, { required: true }).token)
      else expect(() => idempotencyOf(request, { required: true })).toThrow(/not handled under an Idempotency-Key/)
      response.sendStatus(200)
    },
    { required: false },
  )
  expect([(await post('a')).status, (await post(undefined)).status]).toEqual([200, 200])
  expect(runs).toEqual([expect.any(String)])
})

test('a duplicate gets the stored response, with the chosen headers and no cookie, and the handler is not asked', async () => {
  const one = await shop(pay)
  const { post } = one
  const first = await post('"key-1"')
  expect([first.status, first.headers.get('set-cookie'), first.headers.get('idempotent-replayed')]).toEqual([
    201,
    'session=secret',
    null,
  ])
  const body = await first.text()
  expect(JSON.parse(body)).toEqual({ paid: 5, token: expect.stringMatching(/^[0-9a-f-]{36}$/) })
  for (const key of ['"key-1"', 'key-1', '"key-1"; v=2']) {
    const again = await post(key)
    expect(again.status).toBe(201)
    expect(await again.text()).toBe(body)
    expect(again.headers.get('location')).toBe('/payments/1')
    expect(again.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect([again.headers.get('set-cookie'), again.headers.get('x-trace')]).toEqual([null, null])
  }
  expect(one.handled).toBe(1)
  const stored = JSON.stringify(await server.ask('HGET', 'idem:ann:key-1', 'value'))
  expect(stored).toContain('/payments/1')
  expect(stored).not.toContain('secret')
})

test('headers that are named are kept as well', async () => {
  const { post } = await shop(pay, { headers: ['X-Trace'] })
  await post('k')
  expect((await post('k')).headers.get('x-trace')).toBe('first')
})

test('the keys of two callers never meet', async () => {
  const one = await shop((request, response) => void response.json({ for: request.get('x-user') }))
  expect(await (await one.post('same')).json()).toEqual({ for: 'ann' })
  expect(await (await one.post('same', {}, { user: 'bob' })).json()).toEqual({ for: 'bob' })
  expect(one.handled).toBe(2)
  // Nor do those whose parts could be put together otherwise.
  expect(await (await one.post('c', {}, { user: 'a:b' })).json()).toEqual({ for: 'a:b' })
  expect(await (await one.post('b:c', {}, { user: 'a' })).json()).toEqual({ for: 'a' })
})

test.each([
  ['a missing key', undefined, 400, 'Idempotency-Key is missing'],
  ['an empty key', '', 400, 'Idempotency-Key is missing'],
  ['a key that is none', '"open', 400, 'Idempotency-Key is not valid'],
  ['two keys', 'a, b', 400, 'Idempotency-Key is not valid'],
  ['a key that is too long', 'x'.repeat(256), 400, 'Idempotency-Key is not valid'],
])('%s is refused', async (_, key, status, title) => {
  const one = await shop(pay, { problemType: 'https://shop.test/idempotency' })
  const response = await one.post(key)
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ type: 'https://shop.test/idempotency', title, status })
  expect(one.handled).toBe(0)
})

test('where no key is required a request without one passes, and so do other methods', async () => {
  const one = await shop(pay, { required: false })
  expect([(await one.post(undefined)).status, (await one.post(undefined)).status]).toEqual([201, 201])
  expect(one.handled).toBe(2)
})

test('the same key with another payload, or on another path, is refused with 422', async () => {
  const one = await shop(pay)
  await one.post('k', { amount: 5, to: 'x' })
  expect((await one.post('k', { amount: 6, to: 'x' })).status).toBe(422)
  expect((await one.post('k', { amount: 5, to: 'x' }, { path: '/refunds' })).status).toBe(422)
  expect((await one.post('k', { to: 'x', amount: 5 })).status).toBe(201)
  expect(one.handled).toBe(1)
})

test('while it is worked on a duplicate gets 409, or waits', async () => {
  const gate = deferred<void>()
  const slow: express.RequestHandler = async (_, response) => {
    await gate.promise
    response.json({ done: true })
  }
  const hasty = await shop(slow)
  const patient = await shop(slow, { wait: '20s' })
  const first = hasty.post('k')
  await gate.asked()
  const conflict = await hasty.post('k')
  expect([conflict.status, conflict.headers.get('retry-after')]).toEqual([409, '1'])
  const waiting = patient.post('k')
  gate.resolve()
  expect(await (await first).json()).toEqual({ done: true })
  expect(await (await waiting).json()).toEqual({ done: true })
  expect([hasty.handled, patient.handled]).toEqual([1, 0])
})

test.each([500, 503, 401, 409, 429])('a response of %i is not kept: the next request runs anew', async status => {
  let fails = true
  const one = await shop((_, response) => {
    response.status(fails ? status : 200).json({ fails })
    fails = false
  })
  expect((await one.post('k')).status).toBe(status)
  expect((await one.post('k')).status).toBe(200)
  expect((await one.post('k')).headers.get('idempotent-replayed')).toBe('true')
  expect(one.handled).toBe(2)
})

test('what is kept can be said', async () => {
  const one = await shop((_, response) => void response.status(500).json({}), { keep: () => true })
  expect([(await one.post('k')).status, (await one.post('k')).status]).toEqual([500, 500])
  expect(one.handled).toBe(1)
})

test('an error of the handler goes the way of errors, and the next request runs anew', async () => {
  const one = await shop(() => Promise.reject(new Error('broken')))
  one.app.use(
    ((error: Error, _, response, __) => void response.status(500).send(error.message)) as express.ErrorRequestHandler,
  )
  expect(await (await one.post('k')).text()).toBe('broken')
  expect(await (await one.post('k')).text()).toBe('broken')
  expect(one.handled).toBe(2)
})

test('with refuse what failed is not tried again', async () => {
  const one = await shop((_, response) => void response.status(503).json({}), {}, 'careful')
  expect((await one.post('k')).status).toBe(503)
  const again = await one.post('k')
  expect(again.status).toBe(500)
  expect(await again.json()).toMatchObject({ title: 'The request has failed' })
  expect(one.handled).toBe(1)
})

test('a body that is too large is sent whole, and its duplicate is the status without it', async () => {
  const large = 'x'.repeat(200_000)
  const one = await shop(
    (_, response) => {
      response.status(201).location('/payments/1').write(large)
      response.end(large)
    },
    { maxBody: '250kb' },
  )
  expect((await (await one.post('k')).text()).length).toBe(400_000)
  const again = await one.post('k')
  expect([again.status, again.headers.get('location'), again.headers.get('idempotent-replayed')]).toEqual([
    201,
    '/payments/1',
    'truncated',
  ])
  expect(await again.text()).toBe('')
  expect(await server.ask('HSTRLEN', 'idem:ann:k', 'value')).toBeLessThan(1_000)
})

test('responses that are written by hand are kept as they are', async () => {
  const one = await shop((_, response) => {
    response.writeHead(202, 'Taken', { 'Content-Type': 'application/octet-stream', Location: '/x' })
    response.write(Buffer.from([0, 255, 10]))
    response.write('ff', 'hex')
    response.end('end', () => {})
  })
  const first = await one.post('k')
  expect([first.status, first.statusText]).toEqual([202, 'Taken'])
  const body = Buffer.from(await first.arrayBuffer())
  expect(body).toEqual(Buffer.from([0, 255, 10, 255, ...Buffer.from('end')]))
  const again = await one.post('k')
  expect([again.status, again.headers.get('location')]).toEqual([202, '/x'])
  expect(Buffer.from(await again.arrayBuffer())).toEqual(body)
})

test('what is answered a second time changes nothing of the first answer', async () => {
  const one = await shop((_, response) => {
    response.status(201).set('Location', '/x').json({ paid: 5 })
    response.status(500).set({ Location: '/y', 'X-Late': '1' }).removeHeader('ETag')
    response.statusMessage = 'Late'
    response.json({ error: 'a text that is longer than the first one' })
  })
  for (const round of ['first', 'again']) {
    const response = await one.post('k', undefined, { signal: AbortSignal.timeout(5_000) })
    const { headers, status, statusText } = response
    expect([status, statusText, headers.get('location'), headers.get('x-late')], round).toEqual([
      201,
      'Created',
      '/x',
      null,
    ])
    expect([headers.get('etag') !== null, await response.text()]).toEqual([true, '{"paid":5}'])
  }
  expect(one.handled).toBe(1)
})

test.each<[what: string, begin: (response: express.Response) => void]>([
  ['that is flushed', response => response.flushHeaders()],
  ['of events', response => void response.type('text/event-stream')],
])('a stream %s arrives as it is written', async (_what, begin) => {
  const gate = deferred<void>()
  const one = await shop(async (_, response) => {
    begin(response)
    response.write('first')
    await gate.promise
    response.end('second')
  })
  const response = await one.post('k')
  const reader = response.body!.getReader()
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('first')
  gate.resolve()
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('second')
  await until(async () => (await one.post('k')).headers.get('idempotent-replayed') === 'truncated')
})

test.each([
  ['kept', '1mb', 'true', 'ABC'],
  ['sent as it comes', '1b', 'truncated', ''],
])('what a middleware behind it makes of a response is %s', async (_what, maxBody, replayed, text) => {
  const one = await shop(
    (_, response) => {
      const { write, end, writeHead } = response
      response.write = ((chunk: string) => Reflect.apply(write, response, [chunk.toUpperCase()])) as typeof write
      response.end = ((chunk: string) => Reflect.apply(end, response, [chunk.toUpperCase()])) as typeof end
      response.writeHead = ((...head: unknown[]) => {
        response.setHeader('Location', '/late')
        return Reflect.apply(writeHead, response, head)
      }) as typeof writeHead
      response.status(201)
      response.write('a')
      response.write('b')
      response.end('c')
    },
    { maxBody: maxBody as '1b' },
  )
  const first = await one.post('k')
  expect([first.status, first.headers.get('location'), await first.text()]).toEqual([201, '/late', 'ABC'])
  const again = await one.post('k')
  expect([again.headers.get('idempotent-replayed'), again.headers.get('location'), await again.text()]).toEqual([
    replayed,
    '/late',
    text,
  ])
  expect(one.handled).toBe(1)
})

test('a client that leaves is given the response when it asks again', async () => {
  const gate = deferred<void>()
  const left = deferred<void>()
  const one = await shop(async (request, response) => {
    response.once('close', () => left.resolve())
    await gate.promise
    response.json({ paid: request.body.amount })
  })
  const controller = new AbortController()
  const first = one.post('k', { amount: 5 }, { signal: controller.signal }).catch(() => 'gone')
  await gate.asked()
  controller.abort()
  expect(await first).toBe('gone')
  await left.promise
  gate.resolve()
  const again = await until(async () => {
    const response = await one.post('k')
    return response.status === 200 && response
  })
  expect(await again.json()).toEqual({ paid: 5 })
  expect(one.handled).toBe(1)
})

test('a client that leaves a line of requests leaves all of them', async () => {
  const signals: AbortSignal[] = []
  const one = await shop(request => void signals.push(idempotencyOf(request, { required: true }).signal), {
    grace: '50ms',
  })
  const client = dial(Number(new URL(one.url).port), '127.0.0.1')
  for (const key of ['a', 'b']) {
    client.write(
      `POST /payments HTTP/1.1\r\nhost: x\r\nx-user: ann\r\nidempotency-key: ${key}\r\ncontent-length: 0\r\n\r\n`,
    )
  }
  await until(() => signals.length === 2)
  client.destroy()
  await until(() => signals.every(({ aborted }) => aborted))
})

test('a handler may have longer than a timer lasts once its client has left', async () => {
  const gate = deferred<void>()
  const left = deferred<void>()
  let signal: AbortSignal | undefined
  const one = await shop(
    async (request, response) => {
      signal = idempotencyOf(request)?.signal
      response.once('close', () => left.resolve())
      await gate.promise
      response.json({ paid: 5 })
    },
    { grace: '30d' },
  )
  const controller = new AbortController()
  const gone = one.post('k', {}, { signal: controller.signal }).catch(() => 'gone')
  await gate.asked()
  controller.abort()
  await Promise.all([gone, left.promise])
  // A timer that is too long fires within a millisecond.
  await one.post('other', {}, { path: '/none' })
  expect(signal?.aborted).toBe(false)
  gate.resolve()
  await until(async () => (await one.post('k', {})).headers.get('idempotent-replayed') === 'true')
})

test('in front of the application and of its route it is as once', async () => {
  const again = idempotent<Request>(redis.requests, { caller: request => request.get('x-user') })
  const one = await shop((request, response, next) => void again(request, response, () => pay(request, response, next)))
  expect([(await one.post('k')).status, (await one.post('k')).status, one.handled]).toEqual([201, 201, 1])
})

test('what was written before a failure is no part of the answer to it', async () => {
  const one = await shop((_, response) => {
    response.write('half of')
    throw new Error('broken')
  })
  one.app.use(((_error, _request, response, _next) => {
    response.status(500).json({ error: 'broken' })
  }) as express.ErrorRequestHandler)
  const answer = await one.post('k')
  expect([answer.status, await answer.text()]).toEqual([500, '{"error":"broken"}'])
})

test('a header that writeHead is given twice is sent twice', async () => {
  const { post } = await shop((_, response) => {
    response.writeHead(201, ['Set-Cookie', 'a=1', 'Location', '/payments/1', 'set-cookie', 'b=2']).end()
  })
  const { headers } = await post('k')
  expect([headers.getSetCookie(), headers.get('location')]).toEqual([['a=1', 'b=2'], '/payments/1'])
})

test('a client of Redis that is closed meanwhile takes nobody the answer, and nothing is begun any more', async () => {
  const one = await shop(async (_, response) => {
    await redis.$close()
    response.status(201).json({ paid: 5 })
  })
  const first = await one.post('k')
  expect([first.status, await first.json()]).toEqual([201, { paid: 5 }])
  expect([(await one.post('other')).status, one.handled]).toEqual([503, 1])
})

test('a hundred duplicates that race are handled once', async () => {
  const one = await shop(pay, { wait: '20s' })
  const answers = await Promise.all(Array.from({ length: 100 }, async () => (await one.post('k')).text()))
  expect(new Set(answers).size).toBe(1)
  expect(one.handled).toBe(1)
})

test('without Redis nothing runs: 503', async () => {
  const one = await shop(pay)
  await proxy.refuse()
  const response = await one.post('k')
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
  expect(one.handled).toBe(0)
})

test('when Redis goes away meanwhile the response is sent all the same, and the result is stored when it is back', async () => {
  const one = await shop(async (_, response) => {
    await proxy.refuse()
    response.json({ done: true })
  })
  const first = one.post('k')
  expect(await (await first).json()).toEqual({ done: true })
  await proxy.pass()
  await until(async () => (await one.post('k')).headers.get('idempotent-replayed') === 'true')
  expect(one.handled).toBe(1)
})

test('without a caller it is an error, not a shared key', async () => {
  const one = await shop(pay, { caller: () => undefined })
  one.app.use(
    ((error: Error, _, response, __) => void response.status(500).send(error.message)) as express.ErrorRequestHandler,
  )
  const response = await one.post('k')
  expect(await response.text()).toContain('the caller is undefined; name who asks')
  expect(one.handled).toBe(0)
})

describe('its options', () => {
  test.each<[options: object, message: string]>([
    [{ requird: true }, 'requird is not an option; did you mean required?'],
    [{ headers: ['Set-Cookie'] }, 'headers names set-cookie'],
    [{ methods: 'POST' }, 'methods is a string; list them'],
    [{ maxBody: 5 }, 'maxBody is 5; write a size'],
    [{ wait: 5 }, 'wait is 5; write a length of time'],
    [{ grace: 5 }, 'grace is 5; write a length of time'],
    [{ keep: 500 }, 'keep is a number; give a function'],
  ])('%o are refused', (options, message) => {
    expect(() => idempotent(redis.requests, { caller: () => 'x', ...options })).toThrow(message)
  })

  test('what is no open once is refused', () => {
    expect(() => idempotent({} as never, { caller: () => 'x' })).toThrow('idempotency was given an object')
  })
})

test.each([
  [undefined, { state: 'missing' }],
  ['  ', { state: 'missing' }],
  ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', { state: 'key', key: '8e03978e-40d5-43e8-bc93-6894a57f9324' }],
  ['8e03978e', { state: 'key', key: '8e03978e' }],
  ['"a \\"b\\" \\\\"', { state: 'key', key: 'a "b" \\' }],
  ['""', { state: 'invalid' }],
  ['"ü"', { state: 'invalid' }],
  ['a"b', { state: 'invalid' }],
  ['"a" "b"', { state: 'invalid' }],
  ['a;b', { state: 'invalid' }],
])('the field %s reads as %o', (field, expected) => {
  expect(parseIdempotencyKey(field)).toEqual(expected)
})
