import Fastify, { type FastifyRequest } from 'fastify'
import { rateLimited } from '../../src/adapters/fastify.ts'
import { limitPromises } from './http/limit-promises.ts'

limitPromises<FastifyRequest>({
  name: 'Fastify',
  header: ({ headers }, name) => headers[name]?.toString(),
  async serve(limits, application) {
    const app = Fastify({ forceCloseConnections: true })
    for (const { namespace, options } of limits) app.addHook('onRequest', rateLimited(namespace, options))
    app.get('/', async () => {
      application()
      return 'hello'
    })
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
})
