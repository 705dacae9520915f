import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { onAbort } from '../../base/on-abort.ts'
import { type HeldResponse, holdResponse, sendAnswer } from './held-response.ts'
import { createIdempotency, type IdempotencyNamespace, type IdempotentRequest } from './requests.ts'
import type { HttpAnswer } from './response.ts'
import type { NodeHeaders } from './response-head.ts'
import type { IdempotencySettings } from './settings.ts'

/** What a framework above Node's server has of a request. */
export interface Exchange {
  readonly response: ServerResponse
  /** What stands in the response before the handler. Default: what Node knows of. */
  readonly headers?: NodeHeaders
  /** Answers what came to light when the handler had answered already, such as that its answer cannot be stored. */
  failed(error: unknown): void
}

/**
 * Handles requests whose responses are Node's. Resolves to nothing where the framework is to go on, to its handler: what that
 * answers, in whichever way, is held back until it is stored. Otherwise to what is to be sent in its place.
 */
export type HeldRequests = (asked: IdempotentRequest, exchange: Exchange) => Promise<HttpAnswer | undefined>

/** @throws KeyplanError PARAM_INVALID for what is no open once */
export function holdRequests(namespace: IdempotencyNamespace, settings: IdempotencySettings): HeldRequests {
  const idempotency = createIdempotency(namespace, settings)
  return (asked, { response, headers = { ...response.getHeaders() }, failed }) =>
    new Promise((resolve, reject) => {
      let held: HeldResponse | undefined
      const request = {
        ...asked,
        get left() {
          return leftSignal(response)
        },
      }
      const verdict = idempotency.handle(request, () => {
        held = holdResponse(response, settings.maxBody)
        resolve(undefined)
        return held.produced
      })
      verdict
        .then(told => {
          if (told.kind !== 'answer') {
            held?.release()
            resolve(undefined)
          } else if (held) {
            held.discard(headers)
            sendAnswer(response, told.answer)
          } else resolve(told.answer)
        })
        .catch(error => {
          if (!held) return reject(error)
          held.discard(headers)
          if (!response.headersSent && !response.destroyed) failed(error)
        })
    })
}

/** The `Idempotency-Key` of a request, as Node has its headers. */
export const keyIn = ({ 'idempotency-key': key }: IncomingHttpHeaders): string | undefined =>
  Array.isArray(key) ? key.join(', ') : key

/** Fires when the client has left, at the latest when the response has been sent. */
function leftSignal(response: ServerResponse): AbortSignal {
  const left = new AbortController()
  const leave = () => left.abort()
  const { socket } = response.req
  if (response.destroyed || socket.destroyed) leave()
  else {
    response.once('close', leave)
    // A response that stands in line behind others of its connection is not told when that closes.
    if (!response.socket) {
      socket.once('close', leave)
      onAbort(left.signal, () => socket.off('close', leave))
    }
  }
  return left.signal
}
