import type { Server, ServerResponse } from 'node:http'
import { serve } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { stream } from 'hono/streaming'
import { expect, test } from 'vitest'
import { idempotent, rateLimited, sessions } from '../../src/adapters/hono.ts'
import type { OpenLimit } from '../../src/adapters/http/limit-options.ts'
import { connect } from '../../src/client/index.ts'
import { bytes, definePlan, once } from '../../src/index.ts'
import { idempotentPromises, type Ways } from './http/idempotent-promises.ts'
import { limitPromises } from './http/limit-promises.ts'
import { listening } from './http/listening.ts'
import { sessionPromises } from './http/session-promises.ts'

limitPromises<Context>({
  name: 'Hono',
  header: (context, name) => context.req.header(name),
  serve(limits, application) {
    const app = new Hono()
    for (const { namespace, options } of limits) app.use(rateLimited(namespace as OpenLimit<never>, options))
    app.get('/', context => {
      application()
      return new Response('hello', { status: Number(context.req.header('x-status') ?? 200) })
    })
    app.onError((_error, context) => context.body(null, 500))
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
})

sessionPromises<Context>({
  name: 'Hono',
  userAgent: context => context.req.header('user-agent'),
  async serve(namespace, options, handle) {
    const sessionOf = sessions(namespace, options)
    const app = new Hono()
    app.get('*', async context => context.text(await handle(sessionOf(context), context.req.path)))
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
})

const ways: Ways<[context: Context]> = {
  'no content': context => context.body(null, 204),
  'status alone': context => context.body(null, 202),
  'not modified': context => context.body(null, 304, { etag: '"v1"' }),
  'empty text': context => context.text(''),
  bytes: context => context.body(new Uint8Array([1, 2, 3])),
  stream: context =>
    stream(context, async out => {
      for (const piece of ['a', 'b', 'c']) await out.write(piece)
    }),
  thrown: () => {
    throw new HTTPException(422, { message: 'not like this' })
  },
  'by hand': context => {
    const { outgoing }: { outgoing: ServerResponse } = context.env
    outgoing.writeHead(201).end()
    return RESPONSE_ALREADY_SENT
  },
  twice: context => {
    context.res = context.text('first', 201)
    context.text('second', 500)
  },
  wrapped: context => context.text('wrapped'),
}

idempotentPromises<Context>({
  name: 'Hono',
  caller: context => context.req.header('x-user')!,
  socketOf: ({ env }) => env.incoming.socket,
  async serve(namespace, options, handle) {
    const app = new Hono()
    app.onError((error, context) => (error instanceof HTTPException ? error.getResponse() : context.body(null, 500)))
    app.use(async (context, next) => {
      context.header('x-request-id', 'r1')
      for (const cookie of ['a=1', 'b=2']) context.header('set-cookie', cookie, { append: true })
      await next()
      const wrapped = context.req.method === 'POST' && (await context.res.clone().text()) === 'wrapped'
      if (wrapped) context.res = new Response('<wrapped>', context.res)
    })
    app.all('/payments', idempotent(namespace, options), async context => {
      const { status, text, way } = await handle(context)
      if (way) return ways[way](context) as Response
      return new Response(text, { status, headers: { location: '/payments/1' } })
    })
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
})

test('idempotent in front of the application and of its route is as once', async () => {
  const plan = definePlan('twice', {
    requests: once('idem:<caller>:<key>', { ttl: '1h', onCrash: 'rerun', value: bytes() }),
  })
  await using redis = await connect(plan, { memory: true, log: false })
  const [outer, inner] = [1, 2].map(() => idempotent(redis.requests, { caller: () => 'ann' }))
  let handled = 0
  const app = new Hono().use(outer!).post('/', inner!, context => context.text(`${++handled}`))
  const ask = () => app.request('/', { method: 'POST', headers: { 'idempotency-key': 'k' } })
  expect([await (await ask()).text(), await (await ask()).text(), handled]).toEqual(['1', '1', 1])
})
