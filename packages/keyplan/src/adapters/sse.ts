import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Followable, followFrom } from './followed.ts'
import { type EventOptions, eventText, gapText, heartbeatMs, heartbeatText, retryText } from './sse/event-text.ts'

export type { Followable } from './followed.ts'
export type { EventOptions } from './sse/event-text.ts'

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  // Proxies must neither keep nor pack it, and nginx must not hold it back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const

/**
 * Events of a feed or channel as a stream of bytes in the format `text/event-stream`. It reads on only when it is read
 * itself, so a client that is slow costs what the feed's `buffer` holds. What is missing is an event of the type `gap`.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function eventStream<T>(source: Followable<T>, options: EventOptions<T> = {}): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const every = heartbeatMs(options)
  const first = retryText(options)
  let tell: (text: string) => void = () => {}
  const events = followFrom(source, options, gap => tell(gapText(gap)))
  let beat: NodeJS.Timeout | undefined
  function end(): void {
    clearInterval(beat)
    tell = () => {}
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        tell = text => controller.enqueue(encoder.encode(text))
        // A first byte tells the client that it is connected.
        tell(first + heartbeatText)
        beat = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) tell(heartbeatText)
        }, every)
      },
      async pull(controller) {
        // A client that is told of no error connects again, and goes on where it was.
        const { done, value } = await events.next().catch(() => ({ done: true, value: undefined }) as const)
        if (done) {
          end()
          return controller.close()
        }
        let text: string
        try {
          text = eventText(value, options)
        } catch (error) {
          end()
          await events.return?.()
          throw error
        }
        tell(text)
      },
      async cancel() {
        end()
        await events.return?.()
      },
    },
    { highWaterMark: 1 },
  )
}

/**
 * The same as a response to a request of the web's own kind, which any framework on the Fetch API takes:
 * `return eventResponse(redis.thoughts({ sessionId }), request)`. It ends with the request.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function eventResponse<T>(source: Followable<T>, request: Request, options: EventOptions<T> = {}): Response {
  const lastEventId = options.lastEventId ?? request.headers.get('last-event-id') ?? undefined
  const { signal = request.signal } = options
  return new Response(eventStream(source, { ...options, lastEventId, signal }), { headers })
}

/**
 * The same for a server of Node, and frameworks above it: `await sendEvents(redis.thoughts({ sessionId }), req, res)`.
 * Resolves when the client has gone or the feed has ended.
 *
 * @throws KeyplanError PARAM_INVALID, before anything is written; what `data` and `event` throw
 */
export async function sendEvents<T>(
  source: Followable<T>,
  request: Pick<IncomingMessage, 'headers'>,
  response: ServerResponse,
  options: EventOptions<T> = {},
): Promise<void> {
  const sent = request.headers['last-event-id']
  const lastEventId = options.lastEventId ?? (Array.isArray(sent) ? sent[0] : sent)
  const reader = eventStream(source, { ...options, lastEventId }).getReader()
  const stop = () => void reader.cancel().catch(() => {})
  // A client may have gone while the request was looked at: nothing tells of it any more.
  if (response.destroyed) return stop()
  const gone = new Promise<void>(resolve => response.once('close', resolve))
  response.once('close', stop)
  try {
    response.writeHead(200, headers)
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (response.write(value)) continue
      await Promise.race([new Promise<void>(resolve => response.once('drain', resolve)), gone])
    }
    response.end()
  } finally {
    stop()
  }
}
