import Koa, { type Context } from 'koa'
import type { OpenLimit } from '../../src/adapters/http/limit-options.ts'
import { idempotent, rateLimited, sessions } from '../../src/adapters/koa.ts'
import { idempotentPromises } from './http/idempotent-promises.ts'
import { limitPromises } from './http/limit-promises.ts'
import { listening } from './http/listening.ts'
import { sessionPromises } from './http/session-promises.ts'

limitPromises<Context>({
  name: 'Koa',
  header: (context, name) => context.get(name) || undefined,
  serve(limits, application) {
    const app = new Koa()
    app.silent = true
    for (const { namespace, options } of limits) app.use(rateLimited(namespace as OpenLimit<never>, options))
    app.use(context => {
      application()
      context.body = 'hello'
      context.status = Number(context.get('x-status') || 200)
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})

sessionPromises<Context>({
  name: 'Koa',
  userAgent: context => context.get('user-agent'),
  async serve(namespace, options, handle) {
    const sessionOf = sessions(namespace, options)
    const app = new Koa()
    app.silent = true
    app.use(async context => {
      context.body = await handle(sessionOf(context), context.path)
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})

idempotentPromises<Context>({
  name: 'Koa',
  caller: context => context.get('x-user'),
  async serve(namespace, options, handle) {
    const app = new Koa()
    app.silent = true
    app.use(async (context, next) => {
      const chunks: Buffer[] = []
      for await (const chunk of context.req) chunks.push(chunk)
      // As a parser of bodies has it.
      Object.assign(context.request, { body: Buffer.concat(chunks).toString() })
      await next()
    })
    app.use((context, next) => {
      context.set({ 'x-request-id': 'r1', 'set-cookie': ['a=1', 'b=2'] })
      return next()
    })
    app.use(idempotent(namespace, options))
    app.use(async context => {
      const { status, text } = await handle(context)
      context.status = status
      context.body = text
      context.set('location', '/payments/1')
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})
