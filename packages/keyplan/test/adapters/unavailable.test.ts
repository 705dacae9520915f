import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import express, { type Response as ExpressResponse, type NextFunction, type Request } from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { expect, test } from 'vitest'
import { unavailable as forExpress } from '../../src/adapters/express.ts'
import { unavailable as forFastify } from '../../src/adapters/fastify.ts'
import { unavailable as forHono } from '../../src/adapters/hono.ts'
import { unavailable as forKoa } from '../../src/adapters/koa.ts'
import { KeyplanError } from '../../src/index.ts'
import { listening, type Served } from './http/listening.ts'

/** What a route throws by its path: `/down`, `/late`, `/wrong`, `/other`. */
const thrown: Readonly<Record<string, () => Error>> = {
  '/down': () => new KeyplanError('BREAKER_OPEN', 'the circuit breaker of secret-host is open'),
  '/late': () => new KeyplanError('TIMEOUT', 'secret-host did not answer'),
  '/wrong': () => new KeyplanError('WRONG_TYPE', 'the key holds another data type'),
  '/other': () => new Error('other'),
}

const frameworks: Readonly<Record<string, () => Promise<Served>>> = {
  async Express() {
    const app = express()
    app.use(request => {
      throw thrown[request.path]!()
    })
    app.use(forExpress())
    app.use((_error: unknown, _request: Request, response: ExpressResponse, _next: NextFunction) => {
      response.status(418).end()
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
  async Fastify() {
    const app = Fastify({ forceCloseConnections: true })
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send())
    app.register(async routes => {
      routes.setErrorHandler(forFastify())
      routes.get('/*', async request => {
        throw thrown[request.url]!()
      })
    })
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
  async Hono() {
    const app = new Hono()
    app.onError(forHono((_error, context) => context.body(null, 418)))
    app.get('*', context => {
      throw thrown[context.req.path]!()
    })
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
  async Koa() {
    const app = new Koa()
    app.use(async (context, next) => {
      await next().catch(() => {
        context.status = 418
      })
    })
    app.use(forKoa())
    app.use(context => {
      throw thrown[context.path]!()
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
}

test.each(Object.entries(frameworks))(
  '%s answers what Redis could not serve with 503 and says nothing of it; other errors are passed on',
  async (_name, open) => {
    const { url, close } = await open()
    try {
      for (const path of ['down', 'late']) {
        const response = await fetch(new URL(path, url))
        const { status, headers } = response
        expect([status, headers.get('retry-after'), headers.get('content-type')]).toEqual([
          503,
          '1',
          expect.stringMatching(/^application\/problem\+json/),
        ])
        expect(await response.json()).toMatchObject({ status: 503, title: expect.not.stringContaining('secret') })
      }
      for (const path of ['wrong', 'other']) expect((await fetch(new URL(path, url))).status).toBe(418)
    } finally {
      await close()
    }
  },
)
