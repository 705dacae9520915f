import type { Context } from 'hono'
import { withCookie } from '../http/set-cookie.ts'
import type { OpenSessions, WebSession, WebSessionOptions } from '../http/web-session.ts'
import { createWebSessions } from '../http/web-sessions.ts'

/**
 * Sessions by a signed cookie: `const sessionOf = sessions(redis.session, { cookie: { keys } })`, then in a handler
 * `sessionOf(context).read()`. A request has one session, in every handler that asks.
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
      cookies: context.req.header('cookie'),
      // A response that has begun is not the context's any more, and does not say so.
      sent: false,
      setCookie(name, text) {
        const cookies = withCookie(context.res.headers.getSetCookie(), name, text)
        context.header('Set-Cookie', undefined)
        for (const cookie of cookies) context.header('Set-Cookie', cookie, { append: true })
      },
    }))
}
