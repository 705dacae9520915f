import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '../log.ts'
import { readJson } from './body.ts'
import { HttpError } from './http-error.ts'
import { parameters } from './input.ts'
import { findRoute, type HttpAnswer, type Route } from './router.ts'

export interface HttpServer {
  readonly port: number
  /** Takes no new request, and ends when those under way are answered, or after 3 s. */
  close(): Promise<void>
}

export interface HttpServerOptions {
  readonly routes: readonly Route[]
  readonly host: string
  readonly port: number
  readonly log: Log
  /** Turns an error of another layer into an answer; `undefined` where it does not know it. */
  explain(error: unknown): HttpError | undefined
}

const drainMs = 3_000

function failure(error: HttpError): HttpAnswer {
  const { code, message, field } = error
  return { status: error.status, body: { error: { code, message, field } }, headers: error.headers }
}

function send(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer, last: boolean): void {
  const body = JSON.stringify(answer.body)
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...(last ? { connection: 'close' } : {}),
    ...answer.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  // What is left of a refused body is not read to its end.
  if (!request.complete) response.once('finish', () => request.destroy())
}

/** @throws the error of `listen`, e.g. EADDRINUSE */
export async function startHttpServer({ routes, host, port, log, explain }: HttpServerOptions): Promise<HttpServer> {
  async function answer(request: IncomingMessage): Promise<HttpAnswer> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const { route, params } = findRoute(routes, request.method ?? 'GET', url.pathname)
    return route.handle({
      params,
      query: parameters(url.searchParams, route.query ?? []),
      header: name => {
        const value = request.headers[name]
        return Array.isArray(value) ? value[0] : value
      },
      json: () => readJson(request),
    })
  }

  let closing = false
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    answer(request)
      .catch(error => {
        if (error instanceof HttpError) return failure(error)
        const known = explain(error)
        if (!known) log(`[HTTP] ${request.method} failed: ${error instanceof Error ? error.stack : String(error)}`)
        return failure(known ?? new HttpError(500, 'INTERNAL', 'something went wrong here; the log says what'))
      })
      .then(result => send(request, response, result, closing))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })

  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        closing = true
        const deadline = setTimeout(() => server.closeAllConnections(), drainMs)
        server.close(() => {
          clearTimeout(deadline)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}
