import { isUnavailable, type KeyplanError } from '../../base/error.ts'
import { problem, type Refusal } from './problem.ts'

/** How frameworks learn what to answer an error with: Express and Koa by `status`, Fastify by `statusCode`, Hono by asking. */
export type HttpError = KeyplanError & {
  readonly status: 503
  readonly statusCode: 503
  readonly headers: Readonly<Record<string, string>>
  getResponse(): Response
}

const headers = { 'Retry-After': '1' }

/** Makes an error one that frameworks answer with 503, without a word of what went wrong. */
export function answeredByFrameworks(error: KeyplanError): HttpError {
  return Object.assign(error, {
    status: 503 as const,
    statusCode: 503 as const,
    headers,
    getResponse: () => new Response('Service Unavailable', { status: 503, headers }),
  })
}

/** What is answered to a request that failed because Redis could not serve it; undefined for any other error. */
export function refusalOf(
  error: unknown,
): (Refusal & { readonly headers: Readonly<Record<string, string>> }) | undefined {
  if (!isUnavailable(error)) return undefined
  const refusal = problem(503, 'about:blank', 'The service is unavailable at the moment')
  return { ...refusal, headers: { ...headers, 'Content-Type': refusal.contentType } }
}
