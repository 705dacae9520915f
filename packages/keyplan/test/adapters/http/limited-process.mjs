// A process of its own that serves behind a limit, for the tests that need several of them. Runs on the build.
import express from 'express'
import { rateLimited } from '../../../dist/adapters/express.js'
import { connect } from '../../../dist/client/index.js'
import { definePlan, rateLimit } from '../../../dist/index.js'

const [url] = process.argv.slice(2)
const plan = definePlan('limited', { api: rateLimit('api:<client>', { limit: 20, window: '1h' }) })
const redis = await connect(plan, { url, start: 'required' })
const app = express()
app.use(rateLimited(redis.api))
app.get('/', (_request, response) => response.send('hello'))
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
