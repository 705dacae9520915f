import { createRequire } from 'node:module'
import { startRedis } from '@keyplan/local'
import type express5 from 'express'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import expressSession from 'express-session'
import { expect, test } from 'vitest'
import { rateLimited, sessions } from '../../src/adapters/express.ts'
import { expressSessionStore } from '../../src/adapters/express-session.ts'
import { idempotent } from '../../src/adapters/idempotency.ts'
import { sendEvents } from '../../src/adapters/sse.ts'
import { connect } from '../../src/client/index.ts'
import { bytes, definePlan, feed, json, once, rateLimit, session } from '../../src/index.ts'
import { listening } from './http/listening.ts'

/** What is used here has the same types in both. */
const express = createRequire(import.meta.url)('express4') as typeof express5

const plan = definePlan('older', {
  api: rateLimit('api:<client>', { limit: 2, window: '1h' }),
  login: session('session:<sessionId>', { value: json<{ user?: string }>(), ttl: '1h' }),
  foreign: session('foreign:<sessionId>', { value: json<object>(), ttl: '1h' }),
  payments: once('payment:<caller>:<key>', { ttl: '1h', lease: '5s', onCrash: 'rerun', value: bytes() }),
  news: feed('news:<id>', { value: json<number>(), ttl: '1h' }),
})

/** Express 4 knows nothing of promises. */
const caught =
  (handler: (request: Request, response: Response) => Promise<unknown>): RequestHandler =>
  (request, response, next) => {
    handler(request, response).catch(next)
  }

test('Express 4: limits, sessions, express-session, Idempotency-Key and events', async () => {
  await using server = await startRedis()
  await using redis = await connect(plan, { url: server.url, log: false })
  const sessionOf = sessions(redis.login, {
    cookie: { keys: ['a key that is long enough to sign with'], secure: false },
  })
  let paid = 0
  const app = express().set('env', 'test')
  app.use('/limited', rateLimited(redis.api))
  app.get('/limited', (_, response) => void response.send('within'))
  app.use('/broken', rateLimited(redis.api, { skip: () => Promise.reject(new Error('no')) }))
  app.post(
    '/login',
    caught(async (request, response) => {
      await sessionOf(request, response).login({ user: 'ann' })
      response.send('welcome')
    }),
  )
  app.get(
    '/me',
    caught(async (request, response) => response.json(await sessionOf(request, response).read())),
  )
  app.use(
    '/visits',
    expressSession({
      secret: 'secret',
      resave: false,
      saveUninitialized: false,
      store: expressSessionStore(expressSession, redis.foreign),
    }),
    (request, response) => {
      const kept = request.session as unknown as { visits?: number }
      kept.visits = (kept.visits ?? 0) + 1
      response.json(kept.visits)
    },
  )
  app.post(
    '/pay',
    express.json(),
    idempotent<Request>(redis.payments, { caller: () => 'ann' }),
    (request, response) => {
      response.status(201).json({ amount: request.body.amount, paid: ++paid })
    },
  )
  app.get(
    '/news',
    (request, response) => void sendEvents(redis.news({ id: 'a' }), request, response, { from: 'start' }),
  )
  app.use((_error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    response.status(500).send('told')
  })
  const { url, close } = await listening(app.listen(0, '127.0.0.1'))
  try {
    const ask = (path: string, init?: RequestInit) => fetch(url + path, init)
    const limited = [await ask('limited'), await ask('limited'), await ask('limited')]
    expect(limited.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(limited[0]!.headers.get('ratelimit')).toBe('"default";r=1;t=3600')
    expect(await (await ask('broken')).text()).toBe('told')

    const cookieOf = ({ headers }: globalThis.Response) => headers.getSetCookie()[0]!.split(';')[0]!
    const cookie = cookieOf(await ask('login', { method: 'POST' }))
    expect(await (await ask('me', { headers: { cookie } })).json()).toMatchObject({ data: { user: 'ann' } })

    const first = await ask('visits')
    // express-session sends the head of a response at once, and its end when the session has been saved.
    expect(await first.json()).toBe(1)
    const again = await ask('visits', { headers: { cookie: cookieOf(first) } })
    expect(await again.json()).toBe(2)

    const pay = () =>
      ask('pay', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': '"k"' },
        body: '{"amount":5}',
      })
    const answers = [await pay(), await pay()]
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    for (const answer of answers) expect(await answer.json()).toEqual({ amount: 5, paid: 1 })

    await redis.news({ id: 'a' }).append(7)
    const events = (await ask('news')).body!.getReader()
    let said = ''
    while (!said.includes('data: 7')) said += Buffer.from((await events.read()).value!).toString()
    await events.cancel()
  } finally {
    await close()
  }
})
