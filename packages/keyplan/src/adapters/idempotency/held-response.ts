import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { noteHeaders } from './earlier-headers.ts'
import type { ProducedResponse } from './response.ts'

/** A response of Node's that the application writes and that is not sent yet. */
export interface HeldResponse {
  /** Resolves when the application has ended it; rejects when the client is gone and it has not done so in time. */
  readonly produced: Promise<ProducedResponse>
  /** Sends what the application has written. */
  release(): void
  /** Forgets it, so that something else can be sent: behind the headers that stood there before the application wrote. */
  discard(): void
}

/** How long an application that lost its client may still take to answer, in milliseconds. */
const graceMs = 30_000

type Chunk = string | Uint8Array

/**
 * Takes the place of the methods by which a response is written. What grows beyond `maxBytes`, or is flushed, is sent as it
 * comes, and its body is not kept.
 */
export function holdResponse(response: ServerResponse, maxBytes: number): HeldResponse {
  const own = {
    write: response.write,
    end: response.end,
    writeHead: response.writeHead,
    flushHeaders: response.flushHeaders,
  }
  const removeItsHeaders = noteHeaders(response)
  const chunks: Buffer[] = []
  let size = 0
  let state: 'holding' | 'ended' | 'passing' = 'holding'
  let produced: ProducedResponse | undefined
  let head: Head | undefined
  let settle!: (produced: ProducedResponse) => void
  let fail!: (error: Error) => void
  const promise = new Promise<ProducedResponse>((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  let patience: NodeJS.Timeout | undefined
  const leave = () => {
    patience = setTimeout(() => fail(new Error('the client left, and there was no response')), graceMs)
    patience.unref()
  }
  response.once('close', leave)

  function restore(): void {
    Object.assign(response, own)
    Reflect.deleteProperty(response, 'headersSent')
    Reflect.deleteProperty(response, 'writableEnded')
    response.off('close', leave)
    clearTimeout(patience)
  }
  function pass(): void {
    state = 'passing'
    Object.assign(response, { write: own.write, writeHead: own.writeHead, flushHeaders: own.flushHeaders })
    for (const chunk of chunks.splice(0)) response.write(chunk)
  }
  function add(chunk: unknown, encoding: unknown): void {
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk, encodingOf(encoding)) : Buffer.from(chunk as Uint8Array)
    chunks.push(bytes)
    size += bytes.length
  }
  function end(body: Uint8Array | undefined): void {
    clearTimeout(patience)
    head = headOf(response)
    produced = { status: response.statusCode, headers: plainHeaders(response.getHeaders()), body }
    settle(produced)
  }

  response.writeHead = ((status: number, ...rest: unknown[]) => {
    response.statusCode = status
    if (typeof rest[0] === 'string') response.statusMessage = rest[0]
    setHeaders(response, rest.at(-1))
    return response
  }) as typeof own.writeHead
  response.flushHeaders = () => {
    pass()
    response.flushHeaders()
  }
  response.write = ((chunk: Chunk, ...rest: unknown[]) => {
    if (state === 'ended') return false
    add(chunk, rest[0])
    if (size > maxBytes) pass()
    told(rest)
    return true
  }) as typeof own.write
  response.end = ((...args: unknown[]) => {
    if (state === 'ended') return response
    if (state === 'passing') {
      state = 'ended'
      Reflect.apply(own.end, response, args)
      end(undefined)
      return response
    }
    if (args[0] !== undefined && args[0] !== null && typeof args[0] !== 'function') add(args[0], args[1])
    if (size > maxBytes) {
      pass()
      return response.end(...(args.filter(arg => typeof arg === 'function') as [() => void]))
    }
    state = 'ended'
    // Who looks is told what would be true without this: that it has been sent.
    for (const name of ['headersSent', 'writableEnded']) {
      Object.defineProperty(response, name, { configurable: true, get: () => true })
    }
    response.once('finish', () => told(args))
    end(Buffer.concat(chunks))
    return response
  }) as typeof own.end

  return {
    produced: promise,
    release() {
      restore()
      if (!produced?.body || !head) return
      takeBack(response, head)
      response.end(produced.body)
    },
    discard() {
      restore()
      removeItsHeaders()
    },
  }
}

/** Status and headers as they were when the response was ended. */
type Head = Pick<ServerResponse, 'statusCode' | 'statusMessage'> & {
  readonly headers: OutgoingHttpHeaders
}

const headOf = (response: ServerResponse): Head => ({
  statusCode: response.statusCode,
  statusMessage: response.statusMessage,
  headers: response.getHeaders(),
})

/** Undoes what was changed after the end, such as by a second answer: the client would not have seen it. */
function takeBack(response: ServerResponse, { headers, ...status }: Head): void {
  Object.assign(response, status)
  for (const name of response.getHeaderNames()) if (!(name in headers)) response.removeHeader(name)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && response.getHeader(name) !== value) response.setHeader(name, value)
  }
}

function told(args: readonly unknown[]): void {
  const callback = args.find(arg => typeof arg === 'function')
  if (typeof callback === 'function') process.nextTick(() => callback())
}

const encodingOf = (given: unknown): BufferEncoding =>
  typeof given === 'string' && Buffer.isEncoding(given) ? given : 'utf8'

function plainHeaders(headers: OutgoingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : String(value)
  }
  return plain
}

/** As `writeHead` takes them: an object, or a flat list of names and values. */
function setHeaders(response: ServerResponse, headers: unknown): void {
  if (typeof headers !== 'object' || headers === null) return
  const pairs = Array.isArray(headers)
    ? headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]]] : []))
    : Object.entries(headers)
  for (const [name, value] of pairs) if (value !== undefined) response.setHeader(name, value)
}
