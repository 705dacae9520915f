import type { Context } from 'koa'
import { withCookie } from '../http/set-cookie.ts'
import type { OpenSessions, WebSession, WebSessionOptions } from '../http/web-session.ts'
import { createWebSessions } from '../http/web-sessions.ts'

/**
 * Sessions by a signed cookie: `const sessionOf = sessions(redis.session, { cookie: { keys } })`, then in a middleware
 * `sessionOf(context).read()`. A request has one session, in every middleware that asks.
 *
 * @throws KeyplanError PARAM_INVALID for what are no open sessions, and for options; CONFIG_INVALID for the cookie
 */
export function sessions<In extends object, Out>(
  namespace: OpenSessions<In, Out>,
  options: WebSessionOptions<Context>,
): (context: Context) => WebSession<In, Out> {
  const sessionOf = createWebSessions('sessions', namespace, options)
  return context =>
    sessionOf(context, () => ({
      cookies: context.headers.cookie,
      get sent() {
        return context.headerSent
      },
      setCookie: (name, text) =>
        void context.res.setHeader('Set-Cookie', withCookie(context.res.getHeader('Set-Cookie'), name, text)),
    }))
}
