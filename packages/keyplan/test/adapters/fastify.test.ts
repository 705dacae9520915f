import { Readable } from 'node:stream'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { idempotent, rateLimited, sessions } from '../../src/adapters/fastify.ts'
import type { OpenLimit } from '../../src/adapters/http/limit-options.ts'
import { connect } from '../../src/client/index.ts'
import { bytes, definePlan, once } from '../../src/index.ts'
import { idempotentPromises, type Ways } from './http/idempotent-promises.ts'
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

const ways: Ways<[reply: FastifyReply]> = {
  'no content': reply => reply.code(204).send(),
  'status alone': reply => reply.code(202).send(),
  'not modified': reply => reply.code(304).header('etag', '"v1"').send(),
  'empty text': reply => reply.send(''),
  bytes: reply => reply.send(Buffer.from([1, 2, 3])),
  stream: reply => reply.send(Readable.from(['a', 'b', 'c'])),
  thrown: () => {
    throw Object.assign(new Error('not like this'), { statusCode: 422 })
  },
  'by hand': reply => {
    reply.hijack()
    reply.raw.writeHead(201, { location: '/by/hand' }).end('by hand')
  },
  twice: reply => {
    reply.code(201).send('first')
    return reply.code(500).send('second')
  },
  wrapped: reply => reply.send('wrapped'),
}

idempotentPromises<FastifyRequest>({
  name: 'Fastify',
  caller: ({ headers }) => String(headers['x-user']),
  socketOf: ({ socket }) => socket,
  async serve(namespace, options, handle) {
    const app = Fastify({ forceCloseConnections: true })
    app.addHook('onRequest', async (_request, reply) => {
      reply.headers({ 'x-request-id': 'r1', 'set-cookie': ['a=1', 'b=2'] })
    })
    app.addHook('onSend', (_request, _reply, payload, done) => {
      const text = String(payload)
      done(null, text.includes('wrapped') ? `<${text}>` : payload)
    })
    app.all('/payments', { ...idempotent(namespace, options) }, async (request, reply) => {
      const { status, text, way } = await handle(request)
      if (way) return ways[way](reply)
      return reply.code(status).header('location', '/payments/1').send(text)
    })
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
})

test('idempotent: what a stream gave before it failed is no part of the answer', async () => {
  const plan = definePlan('broken', {
    requests: once('idem:<caller>:<key>', { ttl: '1h', onCrash: 'rerun', value: bytes() }),
  })
  await using redis = await connect(plan, { memory: true, log: false })
  const app = Fastify()
  app.post('/', { ...idempotent(redis.requests, { caller: () => 'ann' }) }, (_, reply) => {
    const half = new Readable({ read: () => {} })
    half.push('half of')
    half.once('data', () => setImmediate(() => half.destroy(new Error('broken'))))
    return reply.send(half)
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = await fetch(url, { method: 'POST', headers: { 'idempotency-key': 'k' } })
  expect([answer.status, await answer.json()]).toMatchObject([500, { message: 'broken' }])
  await app.close()
})
