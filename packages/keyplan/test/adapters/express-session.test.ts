import express from 'express'
import session, { type SessionData } from 'express-session'
import { expect, test } from 'vitest'
import { expressSessionStore } from '../../src/adapters/express-session.ts'
import { definePlan, json, session as sessions } from '../../src/index.ts'
import { killableServer } from '../killable-server.ts'
import { until } from '../live-server.ts'
import { listening } from './http/listening.ts'

declare module 'express-session' {
  interface SessionData {
    views?: number
    user?: string
  }
}

const plan = definePlan('legacy', {
  session: sessions('sess:<sid>', {
    ttl: '1h',
    touchEvery: '1s',
    value: json<SessionData>(),
    perUser: { by: ({ user }) => user },
  }),
})

const setup = killableServer(plan)
/** Answers of handlers that wait until they are let go. */
const held = new Map<string, () => void>()

async function browsing() {
  const app = express().set('env', 'test')
  const store = expressSessionStore(session, setup.redis.session)
  app.use(session({ store, secret: 'test', resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }))
  app.get('/view', (request, response) => {
    request.session.views = (request.session.views ?? 0) + 1
    response.json([request.session.views, request.session.user ?? null])
  })
  app.get(
    '/read',
    (request, response) => void response.json([request.session.views ?? null, request.session.cookie.originalMaxAge]),
  )
  app.get('/login', (request, response, next) => {
    request.session.regenerate(error => {
      if (error) return next(error)
      request.session.user = 'ann'
      response.json('in')
    })
  })
  app.get('/logout', (request, response, next) => {
    request.session.destroy(error => (error ? next(error) : response.json('out')))
  })
  app.get('/slow', (request, response) => {
    request.session.views = 1_000
    held.set('slow', () => response.json('late'))
  })
  const application = setup.closing(await listening(app.listen(0, '127.0.0.1')))
  return (jar: { cookie?: string } = {}) =>
    async (path: string) => {
      const response = await fetch(application.url + path, { headers: jar.cookie ? { cookie: jar.cookie } : {} })
      const [text] = response.headers.getSetCookie()
      if (text) jar.cookie = text.split(';')[0]!
      return { status: response.status, said: response.ok ? await response.json() : await response.text(), set: text }
    }
}

test('express-session keeps its sessions in the plan, for all processes', async () => {
  const [here, there] = [await browsing(), await browsing()]
  const jar = {}
  expect(await here()('read')).toMatchObject({ said: [null, 60_000], set: undefined })
  expect((await here(jar)('view')).said).toEqual([1, null])
  expect((await there(jar)('view')).said).toEqual([2, null])
  expect((await here(jar)('read')).said).toEqual([2, 60_000])
  await here(jar)('login')
  expect((await there(jar)('view')).said).toEqual([1, 'ann'])
  expect(await setup.redis.session.user('ann').list()).toMatchObject([{ data: { user: 'ann', views: 1 } }])
})

test('what was destroyed is not brought back by a request that ends late', async () => {
  const browse = await browsing()
  const jar = {}
  await browse(jar)('view')
  const slow = browse({ ...jar })('slow')
  const finish = await until(() => held.get('slow'))
  expect((await browse(jar)('logout')).said).toBe('out')
  finish()
  expect((await slow).said).toBe('late')
  expect((await browse({ ...jar })('read')).said).toEqual([null, 60_000])
})

test('while Redis is down nobody is taken for a stranger: 503, and the cookie stays', async () => {
  const visit = (await browsing())({})
  await visit('view')
  await setup.kill({ saved: true })
  const asked = await Promise.all(['read', 'view', 'login', 'logout'].map(visit))
  for (const answer of asked) expect(answer).toMatchObject({ status: 503, set: undefined })
  await setup.restart()
  expect((await visit('view')).said).toEqual([2, null])
})

test('what is wrong is said when it is made', () => {
  const make = expressSessionStore as (library: unknown, namespace: unknown) => unknown
  expect(() => make({}, setup.redis.session)).toThrow(
    'expressSessionStore() was given an object; give it what express-session',
  )
  expect(() => make(session, {})).toThrow('give it open sessions')
})
