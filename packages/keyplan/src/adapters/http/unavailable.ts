import type { KeyplanError } from '../../base/error.ts'

/** How frameworks learn what to answer an error with: Express and Koa by `status`, Fastify by `statusCode`, Hono by asking. */
export type HttpError = KeyplanError & {
  readonly status: 503
  readonly statusCode: 503
  readonly headers: Readonly<Record<string, string>>
  getResponse(): Response
}

/** Makes an error one that frameworks answer with 503, without a word of what went wrong. */
export function unavailable(error: KeyplanError): HttpError {
  const headers = { 'Retry-After': '1' }
  return Object.assign(error, {
    status: 503 as const,
    statusCode: 503 as const,
    headers,
    getResponse: () => new Response('Service Unavailable', { status: 503, headers }),
  })
}
