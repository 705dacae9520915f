import { badInput, HttpError } from './http-error.ts'

export interface HttpRequest {
  /** The parameters of the path, percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  /** Those of the route that are given. */
  readonly query: Readonly<Record<string, string>>
  header(name: string): string | undefined
  /** The body as JSON. @throws HttpError 400, 413 or 415 */
  json(): Promise<unknown>
}

export interface HttpAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One row of the table of routes. `path` is written `/records/:id/context`. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  /** The names of the parameters its query may have. Default: none. */
  readonly query?: readonly string[]
  handle(request: HttpRequest): Promise<HttpAnswer>
}

export interface RouteMatch {
  readonly route: Route
  readonly params: Record<string, string>
}

function decode(name: string, segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badInput(name, 'is not valid percent-encoding')
  }
}

function matchPath(path: string, segments: readonly string[]): Record<string, string> | undefined {
  const wanted = path.split('/')
  if (wanted.length !== segments.length) return undefined
  if (wanted.some((part, index) => !part.startsWith(':') && part !== segments[index])) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = decode(part.slice(1), segments[index]!)
  }
  return params
}

/** @throws HttpError 404 where no route has this path, 405 (with Allow) where none has this method */
export function findRoute(routes: readonly Route[], method: string, pathname: string): RouteMatch {
  const segments = pathname.split('/')
  const matches: RouteMatch[] = []
  for (const route of routes) {
    const params = matchPath(route.path, segments)
    if (params) matches.push({ route, params })
  }
  if (matches.length === 0) throw new HttpError(404, 'NOT_FOUND', 'no such path')
  const match = matches.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method))
  if (match) return match
  const allow = matches.map(({ route }) => route.method).join(', ')
  throw new HttpError(405, 'METHOD_NOT_ALLOWED', `this path answers to ${allow}`, { headers: { allow } })
}
