import { describe, expect, test } from 'vitest'
import type { OpenSessions, WebSession, WebSessionOptions } from '../../../src/adapters/http/web-session.ts'
import { definePlan, isKeyplanError, json, session } from '../../../src/index.ts'
import { killableServer } from '../../killable-server.ts'
import type { Served } from './listening.ts'

export interface Visit {
  userId?: string
  cart?: number
}

export const sessionPlan = definePlan('visits', {
  session: session('session:<sid>', { ttl: '1h', value: json<Visit>(), perUser: { by: data => data.userId } }),
})

export const keys = ['a secret of more than 32 characters', 'an older one, of more than 32 characters']

export interface SessionFramework<Request> {
  readonly name: string
  userAgent(request: Request): string | undefined
  /**
   * Listens on loopback. Each request is handled by `handle`, whose text is answered; what it throws is left to the
   * framework.
   */
  serve(
    namespace: OpenSessions<Visit, Visit>,
    options: WebSessionOptions<Request>,
    handle: (session: WebSession<Visit, Visit>, path: string) => Promise<string>,
  ): Promise<Served>
}

/** What a handler does by the path it is asked for. */
const actions: Readonly<Record<string, (session: WebSession<Visit, Visit>) => Promise<unknown>>> = {
  '/none': async () => 'nothing',
  '/read': async session => (await session.read())?.data,
  '/twice': async session => {
    const [one, two] = await Promise.all([session.read(), session.read()])
    return one === two
  },
  '/begin': async session => (await session.begin({ cart: 1 })).data,
  '/add': async session => (await session.update(({ cart = 0 }) => ({ cart: cart + 1 })))?.data,
  '/begin-twice': async session => {
    const [one, two] = await Promise.all([session.begin({ cart: 1 }), session.begin({ cart: 2 })])
    return one.id === two.id
  },
  '/login-bob': async session => (await session.login({ userId: 'bob' })).data,
  '/login': async session => (await session.login({ userId: 'ann' })).data,
  '/login-keeping': async session => {
    const begin = { cart: 7 }
    return (await session.login(({ cart = 0 }) => ({ userId: 'ann', cart: cart + 1 }), { begin })).data
  },
  '/logout': session => session.logout(),
  '/logout-late': async session => {
    const before = await session.read()
    await session.logout()
    return [before?.data, await session.update({ cart: 9 }), await session.read()]
  },
  '/again': async session => {
    await session.login({ userId: 'ann' })
    await session.login({ userId: 'bob' })
    return (await session.read())?.data
  },
}

/** What sessions promise in any framework. */
export function sessionPromises<Request>({ name, userAgent, serve }: SessionFramework<Request>): void {
  describe(`sessions for ${name}`, () => {
    const setup = killableServer(sessionPlan)

    /** A browser that keeps one cookie. */
    async function browsing(options: Partial<WebSessionOptions<Request>> = {}) {
      const application = setup.closing(
        await serve(
          setup.redis.session,
          { cookie: { keys }, device: request => ({ userAgent: userAgent(request) }), ...options },
          async (visit, path) => JSON.stringify((await actions[path]!(visit)) ?? null),
        ),
      )
      return (jar: { cookie?: string } = {}) =>
        async (path: string) => {
          const headers = { 'user-agent': 'test', ...(jar.cookie && { cookie: `other=1; ${jar.cookie}` }) }
          const response = await fetch(new URL(path, application.url), { headers })
          const cookies = response.headers.getSetCookie()
          expect(cookies.length).toBeLessThanOrEqual(1)
          const [text] = cookies
          if (text) jar.cookie = /Max-Age=0/.test(text) ? '' : text.split(';')[0]!
          const body = await response.text()
          return {
            status: response.status,
            set: text,
            said: response.ok ? JSON.parse(body) : body,
            headers: response.headers,
          }
        }
    }

    test('nobody has a session, and nothing is asked or sent for that', async () => {
      const visit = (await browsing())()
      expect(await visit('none')).toMatchObject({ status: 200, said: 'nothing', set: undefined })
      expect(await visit('read')).toMatchObject({ said: null, set: undefined })
      expect(await visit('add')).toMatchObject({ said: null, set: undefined })
      expect(await visit('logout')).toMatchObject({ said: false, set: undefined })
      expect(setup.redis.$stats().namespaces.session).toBeUndefined()
    })

    test('one begins, is read once in a request, written, and found by another process', async () => {
      const other = await setup.another()
      const jar = {}
      const visit = (await browsing())(jar)
      const { said, set } = await visit('begin')
      expect(said).toEqual({ cart: 1 })
      expect(set).toMatch(/^__Host-sid=[^;]+; Max-Age=34560000; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
      expect(await visit('begin')).toMatchObject({ said: { cart: 1 }, set: undefined })
      expect(await visit('add')).toMatchObject({ said: { cart: 2 }, set: undefined })
      expect(await visit('twice')).toMatchObject({ said: true })
      const elsewhere = setup.closing(
        await serve(other.session, { cookie: { keys } }, async session => JSON.stringify((await session.read())?.data)),
      )
      const response = await fetch(elsewhere.url, { headers: { cookie: (jar as { cookie: string }).cookie } })
      expect(await response.json()).toEqual({ cart: 2 })
    })

    test('a login moves it to a new id and keeps its data; the old id is worth nothing', async () => {
      const browse = await browsing()
      const jar: { cookie?: string } = {}
      const visit = browse(jar)
      await visit('begin')
      const before = jar.cookie!
      expect(await visit('login')).toMatchObject({ said: { cart: 1, userId: 'ann' } })
      expect(jar.cookie).not.toBe(before)
      expect(await visit('read')).toMatchObject({ said: { cart: 1, userId: 'ann' } })
      expect(await browse({ cookie: before })('read')).toMatchObject({ status: 200, said: null, set: undefined })
      const [listed] = await setup.redis.session.user('ann').list()
      expect(listed).toMatchObject({ data: { cart: 1, userId: 'ann' }, device: { userAgent: 'test' } })
      const guest = browse({})
      await guest('begin')
      expect(await guest('login-keeping')).toMatchObject({ said: { cart: 2, userId: 'ann' } })
      expect(await guest('read')).toMatchObject({ said: { cart: 2, userId: 'ann' } })
      const newcomer = browse({})
      expect(await newcomer('login-keeping')).toMatchObject({ said: { cart: 8, userId: 'ann' } })
      expect(await newcomer('read')).toMatchObject({ said: { cart: 8, userId: 'ann' } })
      expect(await browse()('again')).toMatchObject({ said: { userId: 'bob' } })
    })

    test('who logs in after somebody else begins with nothing of theirs', async () => {
      const jar: { cookie?: string } = {}
      const visit = (await browsing())(jar)
      await visit('begin')
      await visit('login')
      const anns = jar.cookie
      expect(await visit('login')).toMatchObject({ said: { cart: 1, userId: 'ann' } })
      expect(await visit('login-bob')).toMatchObject({ said: { userId: 'bob' } })
      expect((await visit('read')).said).toEqual({ userId: 'bob' })
      expect(jar.cookie).not.toBe(anns)
      expect(await setup.redis.session.user('ann').list()).toEqual([])
    })

    test('parts of a request that begin at once have one session', async () => {
      const visit = (await browsing())()
      expect(await visit('begin-twice')).toMatchObject({ said: true })
      expect(await setup.redis.$command('dbsize')).toBe(1)
    })

    test('a logout ends it: the cookie is removed, and no late write brings it back', async () => {
      const browse = await browsing()
      const jar: { cookie?: string } = {}
      const visit = browse(jar)
      await visit('login')
      const stolen = jar.cookie!
      expect(await visit('logout-late')).toMatchObject({ said: [{ userId: 'ann' }, null, null] })
      expect(jar.cookie).toBe('')
      expect(await browse({ cookie: stolen })('add')).toMatchObject({ said: null })
      expect(await browse({ cookie: stolen })('read')).toMatchObject({ said: null })
    })

    test('a cookie that nobody signed is none, and one of an older key is written anew', async () => {
      const older = await browsing({ cookie: { keys: keys.slice(1) }, lasting: false })
      const jar: { cookie?: string } = {}
      expect((await older(jar)('login')).set).not.toContain('Max-Age')
      const [name, value] = jar.cookie!.split('=') as [string, string]
      const browse = await browsing()
      const forged = await browse({ cookie: `${name}=x${value}` })('read')
      expect(forged).toMatchObject({ said: null, set: undefined })
      const renewed = await browse(jar)('read')
      expect(renewed).toMatchObject({ said: { userId: 'ann' }, set: expect.stringContaining(`${name}=`) })
      expect(jar.cookie).not.toBe(`${name}=${value}`)
      expect(await browse(jar)('read')).toMatchObject({ said: { userId: 'ann' }, set: undefined })
    })

    test('while Redis is down nobody is anybody else: 503, the cookie stays, and afterwards all is as it was', async () => {
      const jar: { cookie?: string } = {}
      const browse = await browsing()
      const visit = browse(jar)
      await visit('login')
      const mine = jar.cookie
      await setup.kill({ saved: true })
      const nobody = browse()
      const [none, stranger, ...asked] = await Promise.all([
        nobody('none'),
        nobody('begin'),
        ...['read', 'add', 'begin', 'login', 'logout'].map(async path => ({ path, ...(await visit(path)) })),
      ])
      for (const { path, status, set, headers } of asked) {
        expect([path, status, set, headers.get('retry-after')]).toEqual([path, 503, undefined, '1'])
      }
      expect([none, stranger]).toMatchObject([{ status: 200 }, { status: 503 }])
      await setup.restart()
      expect(jar.cookie).toBe(mine)
      expect(await visit('read')).toMatchObject({ status: 200, said: { userId: 'ann' } })
    })

    test('what is wrong is said when it is made', async () => {
      const attempt = (namespace: unknown, options: unknown) =>
        serve(namespace as OpenSessions<Visit, Visit>, options as WebSessionOptions<Request>, async () => '').catch(
          (error: unknown) => error,
        )
      const refused = (code: 'PARAM_INVALID' | 'CONFIG_INVALID', error: unknown) =>
        expect(isKeyplanError(error, code)).toBe(true)
      refused('PARAM_INVALID', await attempt({}, { cookie: { keys } }))
      refused('PARAM_INVALID', await attempt(setup.redis.session, undefined))
      refused('PARAM_INVALID', await attempt(setup.redis.session, { cookie: { keys }, ttl: '1h' }))
      refused('PARAM_INVALID', await attempt(setup.redis.session, { cookie: { keys }, device: 'phone' }))
      refused('CONFIG_INVALID', await attempt(setup.redis.session, { cookie: { keys: ['short'] } }))
    })
  })
}
