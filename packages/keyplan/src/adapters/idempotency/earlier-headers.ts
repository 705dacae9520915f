import type { ServerResponse } from 'node:http'

/** Notes the headers of a response, and gives what takes those away that have come since. */
export function noteHeaders(response: ServerResponse): () => void {
  const before = { ...response.getHeaders() }
  return () => {
    if (response.headersSent) return
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    for (const [name, value] of Object.entries(before)) if (value !== undefined) response.setHeader(name, value)
  }
}
