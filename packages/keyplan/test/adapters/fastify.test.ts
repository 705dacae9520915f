import Fastify, { type FastifyRequest } from 'fastify'
import { idempotent, rateLimited, sessions } from '../../src/adapters/fastify.ts'
import type { OpenLimit } from '../../src/adapters/http/limit-options.ts'
import { idempotentPromises } from './http/idempotent-promises.ts'
import { limitPromises } from './http/limit-promises.ts'
import { sessionPromises } from './http/session-promises.ts'

limitPromises<FastifyRequest>({
  name: 'Fastify',
  header: ({ headers }, name) => headers[name]?.toString(),
  async serve(limits, application) {
    const app = Fastify({ forceCloseConnections: true })
    for (const { namespace, options } of limits)
      app.addHook('onRequest', rateLimited(namespace as OpenLimit<never>, options))
    app.get('/', async (request, reply) => {
      application()
      return reply.code(Number(request.headers['x-status'] ?? 200)).send('hello')
    })
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
})

sessionPromises<FastifyRequest>({
  name: 'Fastify',
  userAgent: ({ headers }) => headers['user-agent'],
  async serve(namespace, options, handle) {
    const sessionOf = sessions(namespace, options)
    const app = Fastify({ forceCloseConnections: true })
    app.get('/*', (request, reply) => handle(sessionOf(request, reply), request.url))
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
})

idempotentPromises<FastifyRequest>({
  name: 'Fastify',
  caller: ({ headers }) => String(headers['x-user']),
  async serve(namespace, options, handle) {
    const app = Fastify({ forceCloseConnections: true })
    app.addHook('onRequest', async (_request, reply) => {
      reply.headers({ 'x-request-id': 'r1', 'set-cookie': ['a=1', 'b=2'] })
    })
    app.all('/payments', { ...idempotent(namespace, options) }, async (request, reply) => {
      const { status, text } = await handle(request)
      return reply.code(status).header('location', '/payments/1').send(text)
    })
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
})
