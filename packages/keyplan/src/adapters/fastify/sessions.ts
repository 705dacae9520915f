import type { FastifyReply, FastifyRequest } from 'fastify'
import { withCookie } from '../http/set-cookie.ts'
import type { OpenSessions, WebSession, WebSessionOptions } from '../http/web-session.ts'
import { createWebSessions } from '../http/web-sessions.ts'

/**
 * Sessions by a signed cookie: `const sessionOf = sessions(redis.session, { cookie: { keys } })`, then in a hook or a handler
 * `sessionOf(request, reply).read()`. A request has one session, in every handler that asks.
 *
 * @throws KeyplanError PARAM_INVALID for what are no open sessions, and for options; CONFIG_INVALID for the cookie
 */
export function sessions<In extends object, Out>(
  namespace: OpenSessions<In, Out>,
  options: WebSessionOptions<FastifyRequest>,
): (request: FastifyRequest, reply: FastifyReply) => WebSession<In, Out> {
  const sessionOf = createWebSessions('sessions', namespace, options)
  return (request, reply) =>
    sessionOf(request, () => ({
      cookies: request.headers.cookie,
      get sent() {
        return reply.raw.headersSent
      },
      setCookie(name, text) {
        const cookies = withCookie(reply.getHeader('set-cookie'), name, text)
        reply.removeHeader('set-cookie').header('set-cookie', cookies)
      },
    }))
}
