import Koa, { type Context } from 'koa'
import { rateLimited } from '../../src/adapters/koa.ts'
import { limitPromises } from './http/limit-promises.ts'
import { listening } from './http/listening.ts'

limitPromises<Context>({
  name: 'Koa',
  header: (context, name) => context.get(name) || undefined,
  serve(limits, application) {
    const app = new Koa()
    app.silent = true
    for (const { namespace, options } of limits) app.use(rateLimited(namespace, options))
    app.use(context => {
      application()
      context.body = 'hello'
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
})
