import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { idempotent, rateLimited, sessions } from '../../src/adapters/hono.ts'
import type { OpenLimit } from '../../src/adapters/http/limit-options.ts'
import { idempotentPromises } from './http/idempotent-promises.ts'
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

idempotentPromises<Context>({
  name: 'Hono',
  caller: context => context.req.header('x-user')!,
  async serve(namespace, options, handle) {
    const app = new Hono()
    app.onError((_error, context) => context.body(null, 500))
    app.use(async (context, next) => {
      context.header('x-request-id', 'r1')
      for (const cookie of ['a=1', 'b=2']) context.header('set-cookie', cookie, { append: true })
      await next()
    })
    app.all('/payments', idempotent(namespace, options), async context => {
      const { status, text } = await handle(context)
      return new Response(text, { status, headers: { location: '/payments/1' } })
    })
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
})
