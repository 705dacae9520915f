import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Sender } from './client-address.ts'
import type { Verdict } from './limit.ts'
import { type Header, isAddedTo } from './rate-headers.ts'

/** The sender of a request of Node's. */
export function senderOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): Sender {
  return {
    remoteAddress: socket.remoteAddress,
    gone: socket.destroyed,
    header(name) {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
  }
}

export function setHeaders(response: ServerResponse, headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    if (isAddedTo(name)) response.appendHeader(name, value)
    else response.setHeader(name, value)
  }
}

/** Tells a limit how a request ended; one whose client went away before has no status, and stays counted. */
export function onceSent(response: ServerResponse, { sent }: Verdict): void {
  if (sent) response.once('finish', () => sent(response.statusCode))
}

/** Sets the headers and answers what is refused. Returns whether it has. */
export function answered(response: ServerResponse, verdict: Verdict): boolean {
  const { headers, refusal } = verdict
  // The client has gone, or somebody was faster.
  if (response.headersSent) return true
  setHeaders(response, headers)
  onceSent(response, verdict)
  if (!refusal) return false
  response.statusCode = refusal.status
  response.setHeader('Content-Type', refusal.contentType)
  response.end(refusal.body)
  return true
}
