import type { Request, Response } from 'express'
import { withCookie } from '../http/set-cookie.ts'
import type { OpenSessions, WebSession, WebSessionOptions } from '../http/web-session.ts'
import { createWebSessions } from '../http/web-sessions.ts'

/**
 * Sessions by a signed cookie: `const sessionOf = sessions(redis.session, { cookie: { keys } })`, then in a handler
 * `sessionOf(request, response).read()`. A request has one session, in every handler that asks.
 *
 * @throws KeyplanError PARAM_INVALID for what are no open sessions, and for options; CONFIG_INVALID for the cookie
 */
export function sessions<In extends object, Out>(
  namespace: OpenSessions<In, Out>,
  options: WebSessionOptions<Request>,
): (request: Request, response: Response) => WebSession<In, Out> {
  const sessionOf = createWebSessions('sessions', namespace, options)
  return (request, response) =>
    sessionOf(request, () => ({
      cookies: request.headers.cookie,
      get sent() {
        return response.headersSent
      },
      setCookie: (name, text) =>
        void response.setHeader('Set-Cookie', withCookie(response.getHeader('Set-Cookie'), name, text)),
    }))
}
