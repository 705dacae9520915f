import { Readable } from 'node:stream'
import Koa, { type Context } from 'koa'
import type { OpenLimit } from '../../src/adapters/http/limit-options.ts'
import { idempotent, rateLimited, sessions } from '../../src/adapters/koa.ts'
import { idempotentPromises, type Ways } from './http/idempotent-promises.ts'
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

const ways: Ways<[context: Context]> = {
  'no content': context => {
    context.status = 204
  },
  'status alone': context => {
    context.status = 202
  },
  'not modified': context => {
    context.status = 304
    context.etag = 'v1'
  },
  'empty text': context => {
    context.body = ''
  },
  bytes: context => {
    context.body = Buffer.from([1, 2, 3])
    context.remove('content-type')
  },
  stream: context => {
    context.body = Readable.from(['a', 'b', 'c'])
  },
  thrown: context => context.throw(422, 'not like this'),
  'by hand': context => {
    context.respond = false
    context.res.writeHead(201, { location: '/by/hand' }).end('by hand')
  },
  twice: context => {
    context.status = 201
    context.res.end('first')
    context.status = 500
    context.body = 'second'
  },
  wrapped: context => {
    context.body = 'wrapped'
  },
}

idempotentPromises<Context>({
  name: 'Koa',
  caller: context => context.get('x-user'),
  socketOf: ({ socket }) => socket,
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
    app.use(async (context, next) => {
      context.set({ 'x-request-id': 'r1', 'set-cookie': ['a=1', 'b=2'] })
      await next()
      if (String(context.body).includes('wrapped')) context.body = `<${context.body}>`
    })
    app.use(idempotent(namespace, options))
    app.use(async context => {
      const { status, text, way } = await handle(context)
      if (way) return ways[way](context)
      context.status = status
      context.body = text
      return context.set('location', '/payments/1')
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})
