import type { ServerResponse } from 'node:http'

/** Headers as Node has them, by their names in lower case. */
export type NodeHeaders = Readonly<Record<string, number | string | string[] | undefined>>

/** Status and headers of a response as they were at one time. */
export interface ResponseHead {
  /** Undoes what was changed since. */
  restore(): void
}

export function noteHead(response: ServerResponse): ResponseHead {
  const { statusCode } = response
  // HTTP/2 has no message, and warns of whoever asks for it.
  const message = response.req.httpVersionMajor < 2 ? { statusMessage: response.statusMessage } : {}
  const headers = { ...response.getHeaders() }
  return {
    restore() {
      Object.assign(response, { statusCode }, message)
      putHeaders(response, headers)
    },
  }
}

/** Leaves these headers in the response, and no others. */
export function putHeaders(response: ServerResponse, headers: NodeHeaders): void {
  for (const name of response.getHeaderNames()) if (!(name in headers)) response.removeHeader(name)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && response.getHeader(name) !== value) response.setHeader(name, value)
  }
}

/** Adds headers as `writeHead` takes them: an object, or a flat list of names and values, where a name may come again. */
export function addHeaders(response: ServerResponse, headers: unknown): void {
  if (typeof headers !== 'object' || headers === null) return
  const pairs = Array.isArray(headers) ? listed(headers) : Object.entries(headers)
  for (const [name, value] of pairs) if (value !== undefined) response.setHeader(name, value)
}

/** Each name once, with all of its values. */
function listed(list: readonly string[]): Iterable<[name: string, value: string | string[] | undefined]> {
  const byName = new Map<string, [string, string | string[] | undefined]>()
  for (let at = 0; at < list.length; at += 2) {
    const [name, value] = list.slice(at, at + 2) as [string, string | undefined]
    const known = byName.get(name.toLowerCase())?.[1]
    byName.set(name.toLowerCase(), [name, known === undefined ? value : [known, value ?? []].flat()])
  }
  return byName.values()
}

/** The headers as they are stored. */
export function plainHeaders(response: ServerResponse): Record<string, string> {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.getHeaders())) {
    if (value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : String(value)
  }
  return plain
}
