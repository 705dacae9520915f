import express, { type NextFunction, type Request, type Response } from 'express'
import { rateLimited, sessions } from '../../src/adapters/express.ts'
import { limitPromises } from './http/limit-promises.ts'
import { listening } from './http/listening.ts'
import { sessionPromises } from './http/session-promises.ts'

limitPromises<Request>({
  name: 'Express',
  header: (request, name) => request.header(name),
  serve(limits, application) {
    const app = express()
    for (const { namespace, options } of limits) app.use(rateLimited(namespace, options))
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
