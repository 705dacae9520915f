import express, { type NextFunction, type Request, type Response } from 'express'
import { rateLimited } from '../../src/adapters/express.ts'
import { limitPromises } from './http/limit-promises.ts'
import { listening } from './http/listening.ts'

limitPromises<Request>({
  name: 'Express',
  header: (request, name) => request.header(name),
  serve(limits, application) {
    const app = express()
    for (const { namespace, options } of limits) app.use(rateLimited(namespace, options))
    app.get('/', (_request, response) => {
      application()
      response.send('hello')
    })
    app.use((_error: unknown, _request: Request, response: Response, _next: NextFunction) => {
      response.status(500).end()
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})
