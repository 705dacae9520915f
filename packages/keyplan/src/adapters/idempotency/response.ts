import { KeyplanError } from '../../base/error.ts'
import { openFrame, sealFrame } from '../frame.ts'

/** A response as it is sent. */
export interface HttpAnswer {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** A response that the application has made. Without a body it was too large to be kept, or was streamed. */
export interface ProducedResponse extends Omit<HttpAnswer, 'body'> {
  readonly body: Uint8Array | undefined
}

interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly truncated: boolean
}

/** Headers that describe a body, and are kept with it. */
export const describing = [
  'content-type',
  'content-language',
  'content-encoding',
  'content-disposition',
  'content-location',
  'etag',
  'last-modified',
] as const

/** Headers of one body: what answers without it, or with another, does not have them. */
export const ofBody: ReadonlySet<string> = new Set([...describing, 'content-length', 'transfer-encoding', 'trailer'])

/** Events are to arrive as they happen. */
export const isEventStream = (contentType: unknown): boolean => String(contentType).startsWith('text/event-stream')

/** @param chosen the headers that are kept, in lower case */
export function sealResponse({ status, headers, body }: ProducedResponse, chosen: ReadonlySet<string>): Uint8Array {
  const kept = Object.entries(headers).filter(([name]) => chosen.has(name) && (body || !ofBody.has(name)))
  const head: Head = { status, headers: Object.fromEntries(kept), truncated: body === undefined }
  return sealFrame({ head, bodies: body ? [body] : [] })
}

/** @throws KeyplanError DECODE_FAILED for what is no stored response */
export function openResponse(stored: Uint8Array): HttpAnswer {
  const frame = openFrame<Head>(stored)
  if (!frame) throw new KeyplanError('DECODE_FAILED', 'The stored response cannot be read; something else wrote it')
  const { status, headers, truncated } = frame.head
  const replayed = { 'idempotent-replayed': truncated ? 'truncated' : 'true' }
  return { status, headers: { ...headers, ...replayed }, body: frame.bodies[0] ?? new Uint8Array() }
}
