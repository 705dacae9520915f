import { Readable } from 'node:stream'
import express, { type NextFunction, type Request, type Response } from 'express'
import { rateLimited, sessions } from '../../src/adapters/express.ts'
import type { OpenLimit } from '../../src/adapters/http/limit-options.ts'
import { idempotent } from '../../src/adapters/idempotency.ts'
import { idempotentPromises, type Ways } from './http/idempotent-promises.ts'
import { limitPromises } from './http/limit-promises.ts'
import { listening } from './http/listening.ts'
import { sessionPromises } from './http/session-promises.ts'

limitPromises<Request>({
  name: 'Express',
  header: (request, name) => request.header(name),
  serve(limits, application) {
    const app = express()
    for (const { namespace, options } of limits) app.use(rateLimited(namespace as OpenLimit<never>, options))
    app.get('/', (request, response) => {
      application()
      response.status(Number(request.header('x-status') ?? 200)).send('hello')
    })
    app.use((_error: unknown, _request: Request, response: Response, _next: NextFunction) => {
      response.status(500).end()
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})

sessionPromises<Request>({
  name: 'Express',
  userAgent: request => request.headers['user-agent'],
  async serve(namespace, options, handle) {
    const sessionOf = sessions(namespace, options)
    const app = express().set('env', 'test')
    app.use(async (request, response) => {
      response.send(await handle(sessionOf(request, response), request.path))
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})

const ways: Ways<[response: Response]> = {
  'no content': response => response.sendStatus(204),
  'status alone': response => response.status(202).end(),
  'not modified': response => response.status(304).set('etag', '"v1"').end(),
  'empty text': response => response.send(''),
  bytes: response => response.end(Buffer.from([1, 2, 3])),
  stream: response => Readable.from(['a', 'b', 'c']).pipe(response),
  thrown: () => {
    throw Object.assign(new Error('not like this'), { status: 422 })
  },
  'by hand': response => response.writeHead(201, { location: '/by/hand' }).end('by hand'),
  twice: response => {
    response.status(201).send('first')
    response.status(500).send('second')
  },
  wrapped: response => response.send('wrapped'),
}

idempotentPromises<Request>({
  name: 'Express',
  caller: request => request.get('x-user')!,
  socketOf: ({ socket }) => socket,
  async serve(namespace, options, handle) {
    const app = express()
    app.use(express.json(), (_request, response, next) => {
      response.set({ 'x-request-id': 'r1', 'set-cookie': ['a=1', 'b=2'] })
      next()
    })
    app.all('/payments', idempotent(namespace, options), async (request, response) => {
      const { status, text, way } = await handle(request)
      if (way) return ways[way](response)
      return response.status(status).location('/payments/1').send(text)
    })
    app.use((error: { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
      response.sendStatus(error.status ?? 500)
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})
