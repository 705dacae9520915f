import type { IncomingMessage } from 'node:http'
import { badInput, HttpError } from './http-error.ts'

/** The largest body taken, in bytes. */
export const bodyLimit = 256 * 1024

const tooLarge = () =>
  new HttpError(413, 'BODY_TOO_LARGE', `the body must be at most ${bodyLimit} bytes`, {
    headers: { connection: 'close' },
  })

/** @throws HttpError 415 unless it is said to be JSON, 413 above the limit, 400 when it is not JSON */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const mediaType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') {
    throw new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', 'send the body as content-type: application/json')
  }
  if (Number(request.headers['content-length']) > bodyLimit) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bodyLimit) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch {
    throw badInput('body', 'is not valid JSON')
  }
}
