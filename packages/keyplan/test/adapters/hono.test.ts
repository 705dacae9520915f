import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { rateLimited } from '../../src/adapters/hono.ts'
import { limitPromises } from './http/limit-promises.ts'
import { listening } from './http/listening.ts'

limitPromises<Context>({
  name: 'Hono',
  header: (context, name) => context.req.header(name),
  serve(limits, application) {
    const app = new Hono()
    for (const { namespace, options } of limits) app.use(rateLimited(namespace, options))
    app.get('/', context => {
      application()
      return context.text('hello')
    })
    app.onError((_error, context) => context.body(null, 500))
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
})
