import type { ServerResponse } from 'node:http'
import { type HttpAnswer, isEventStream, ofBody, type ProducedResponse } from './response.ts'
import { addHeaders, type NodeHeaders, noteHead, plainHeaders, putHeaders, type ResponseHead } from './response-head.ts'

/** A response of Node's that the application writes and that is not sent yet. */
export interface HeldResponse {
  /** Resolves when the application has ended it. */
  readonly produced: Promise<ProducedResponse>
  /** Sends what the application has written. */
  release(): void
  /** Gives the response back as if nothing had been written: with these headers, and no others. */
  discard(headers: NodeHeaders): void
}

type Chunk = string | Uint8Array
type Written = Pick<ServerResponse, 'write' | 'end' | 'writeHead' | 'flushHeaders'>

/**
 * Takes the place of the methods by which a response is written. What grows beyond `maxBytes`, is flushed, or is a stream of
 * events, is sent as it comes, and its body is not kept.
 */
export function holdResponse(response: ServerResponse, maxBytes: number): HeldResponse {
  const { write, end, writeHead, flushHeaders } = response
  const own: Written = { write, end, writeHead, flushHeaders }
  const chunks: Buffer[] = []
  let size = 0
  let state: 'holding' | 'passing' | 'ended' | 'over' = 'holding'
  let made: { readonly body: Uint8Array; readonly head: ResponseHead } | undefined
  let settle!: (produced: ProducedResponse) => void
  const produced = new Promise<ProducedResponse>(resolve => {
    settle = resolve
  })

  /** Also those who have put something of their own before these go on, with what is beneath. */
  const through = () => state === 'passing' || state === 'over'
  function pass(): void {
    state = 'passing'
    for (const chunk of chunks.splice(0)) Reflect.apply(own.write, response, [chunk])
  }
  function add(chunk: unknown, encoding: unknown): number {
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk, encodingOf(encoding)) : Buffer.from(chunk as Uint8Array)
    chunks.push(bytes)
    size += bytes.length
    return bytes.length
  }
  function keepLast(): void {
    chunks.splice(0, chunks.length - 1)
    size = chunks[0]?.length ?? 0
  }
  const tell = (body: Uint8Array | undefined) =>
    settle({ status: response.statusCode, headers: plainHeaders(response), body })

  const held = {
    writeHead(status: number, ...rest: unknown[]) {
      if (through()) return Reflect.apply(own.writeHead, response, [status, ...rest])
      response.statusCode = status
      if (typeof rest[0] === 'string') response.statusMessage = rest[0]
      addHeaders(response, rest.at(-1))
      return response
    },
    flushHeaders() {
      if (state === 'holding') pass()
      if (through()) Reflect.apply(own.flushHeaders, response, [])
    },
    write(chunk: Chunk, ...rest: unknown[]) {
      if (through()) return Reflect.apply(own.write, response, [chunk, ...rest])
      if (state === 'ended') return false
      add(chunk, rest[0])
      if (size > maxBytes || isEventStream(response.getHeader('content-type'))) pass()
      told(rest)
      return true
    },
    end(...args: unknown[]) {
      if (state === 'over') return Reflect.apply(own.end, response, args)
      if (state === 'ended') return response
      // Who has put something of its own before this, to add headers at the last moment, is told that this is the moment.
      if (state === 'holding' && response.writeHead !== held.writeHead) response.writeHead(response.statusCode)
      let rest = args
      if (state === 'holding' && args[0] !== undefined && args[0] !== null && typeof args[0] !== 'function') {
        const length = add(args[0], args[1])
        // What answers in place of one that has failed half-way says how long it is: what that has written is no part of it.
        if (length > 0 && Number(response.getHeader('content-length')) === length) keepLast()
        rest = args.filter(arg => typeof arg === 'function')
        if (size > maxBytes) pass()
      }
      if (state === 'passing') {
        state = 'ended'
        Reflect.apply(own.end, response, rest)
        tell(undefined)
        return response
      }
      state = 'ended'
      // Who looks is told what would be true without this: that it has been sent.
      for (const name of ['headersSent', 'writableEnded']) {
        Object.defineProperty(response, name, { configurable: true, get: () => true })
      }
      response.once('finish', () => told(args))
      made = { body: Buffer.concat(chunks), head: noteHead(response) }
      tell(made.body)
      return response
    },
  } as Written
  Object.assign(response, held)

  function restore(): void {
    state = 'over'
    Object.assign(response, own)
    Reflect.deleteProperty(response, 'headersSent')
    Reflect.deleteProperty(response, 'writableEnded')
  }

  return {
    produced,
    release() {
      restore()
      if (!made) return
      // What was changed after the end, such as by a second answer, the client would not have seen.
      made.head.restore()
      response.end(made.body)
    },
    discard(headers) {
      restore()
      if (!response.headersSent) putHeaders(response, headers)
    },
  }
}

/**
 * Lets a framework end a response in its own way, and sends the answer in place of what it writes: no more and no less than
 * was answered before. What has become another status meanwhile, such as by an error, is sent as it is.
 */
export function replaceResponse(response: ServerResponse, answer: HttpAnswer): void {
  const held = holdResponse(response, Number.POSITIVE_INFINITY)
  held.produced.then(({ status }) => {
    if (status !== answer.status) return held.release()
    const headers = Object.entries(response.getHeaders()).filter(([name]) => !ofBody.has(name))
    // Node names no length where one was taken away.
    const length = status === 204 || status === 304 ? {} : { 'content-length': answer.body.length }
    held.discard({ ...Object.fromEntries(headers), ...length })
    sendAnswer(response, answer)
  })
}

/** Does nothing where the client has gone, or has been answered as the response was made. */
export function sendAnswer(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return
  response.statusCode = status
  addHeaders(response, headers)
  response.end(body)
}

function told(args: readonly unknown[]): void {
  const callback = args.find(arg => typeof arg === 'function')
  if (typeof callback === 'function') process.nextTick(() => callback())
}

const encodingOf = (given: unknown): BufferEncoding =>
  typeof given === 'string' && Buffer.isEncoding(given) ? given : 'utf8'
