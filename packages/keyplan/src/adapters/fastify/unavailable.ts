import type { FastifyReply, FastifyRequest } from 'fastify'
import { refusalOf } from '../http/unavailable.ts'

/** Of `setErrorHandler`. */
export type FastifyErrorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply

/**
 * Answers what failed because Redis could not serve it with 503 and `Retry-After`: `app.setErrorHandler(unavailable())`. Other
 * errors go to the handler of the parent, and so to Fastify's own.
 */
export function unavailable(): FastifyErrorHandler {
  return (error, _request, reply) => {
    const refusal = refusalOf(error)
    if (!refusal) throw error
    return reply.code(refusal.status).headers(refusal.headers).send(refusal.body)
  }
}
