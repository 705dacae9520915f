import type { Socket } from 'node:net'

/** What a proxy does to the bytes of its connections. */
export type Fault =
  | { readonly kind: 'pass' }
  /** Bytes wait where they are, in both directions, and flow again afterwards: a network that comes back. */
  | { readonly kind: 'blackhole' }
  /** Requests reach the server, replies are thrown away. */
  | { readonly kind: 'swallowReplies' }
  /** Each connection ends after so many more bytes of replies. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Every byte arrives so many milliseconds later. */
  | { readonly kind: 'delay'; readonly up: number; readonly down: number }

/** Bytes that went towards the server, towards the client, and replies that were thrown away. */
export interface Traffic {
  readonly bytesUp: number
  readonly bytesDown: number
  readonly bytesSwallowed: number
}

/** One client's connection through the proxy. */
export interface ProxyLink {
  /** Puts a fault in force for what arrives from now on; bytes already delayed keep their time. */
  apply(fault: Fault): void
  /** Ends both sides with a TCP reset. */
  reset(): void
}

/** Joins the two sockets under a fault. `ended` is called once, when both are gone. */
export function proxyLink(
  client: Socket,
  server: Socket,
  initial: Fault,
  traffic: { -readonly [K in keyof Traffic]: Traffic[K] },
  ended: () => void,
): ProxyLink {
  let fault = initial
  let budget = initial.kind === 'cut' ? initial.after : 0
  let swallowed = false
  let open = 2

  const reset = () => {
    for (const socket of [client, server]) {
      // A unix socket has no reset, one that is still connecting nobody to send it to.
      if (socket.remoteAddress === undefined) socket.destroy()
      else socket.resetAndDestroy()
    }
  }
  const held = () => fault.kind === 'blackhole'
  const up = conduit(server, held, chunk => {
    traffic.bytesUp += chunk.length
  })
  const down = conduit(client, held, chunk => {
    traffic.bytesDown += chunk.length
  })

  client.on('data', chunk => up.push(chunk, fault.kind === 'delay' ? fault.up : 0))
  client.on('end', () => up.push(undefined, fault.kind === 'delay' ? fault.up : 0))
  server.on('end', () => down.push(undefined, fault.kind === 'delay' ? fault.down : 0))
  server.on('data', chunk => {
    if (fault.kind === 'swallowReplies') {
      traffic.bytesSwallowed += chunk.length
      swallowed = true
    } else if (fault.kind === 'cut' && chunk.length > budget) {
      down.push(chunk.subarray(0, budget), 0)
      // An orderly end and not a reset, which could overtake the bytes before it.
      down.push(undefined, 0)
      server.destroy()
    } else {
      budget -= chunk.length
      down.push(chunk, fault.kind === 'delay' ? fault.down : 0)
    }
  })
  for (const socket of [client, server]) {
    socket.setNoDelay(true)
    socket.on('error', reset)
    socket.on('close', () => {
      open--
      if (open === 0) ended()
    })
  }
  // What the client says before the server is reached waits in the conduit's socket; what it ends, ends both.
  client.on('close', () => server.destroy())

  const hold = () => {
    for (const socket of [client, server]) {
      if (held()) socket.pause()
      else socket.resume()
    }
  }
  hold()

  return {
    apply(next) {
      fault = next
      if (next.kind === 'cut') budget = next.after
      // The replies to come would answer the wrong requests.
      if (swallowed && next.kind !== 'swallowReplies') return reset()
      hold()
      up.flow()
      down.flow()
    },
    reset,
  }
}

/** Delivers chunks to a socket in order, each no earlier than its time; `undefined` ends it. */
function conduit(to: Socket, held: () => boolean, delivered: (chunk: Buffer) => void) {
  const queue: { chunk: Buffer | undefined; due: number }[] = []
  let timer: NodeJS.Timeout | undefined

  const flow = () => {
    clearTimeout(timer)
    for (let head = queue[0]; head !== undefined && !held() && !to.destroyed; head = queue[0]) {
      const wait = head.due - performance.now()
      if (wait > 0) {
        timer = setTimeout(flow, Math.ceil(wait))
        return
      }
      queue.shift()
      if (head.chunk === undefined) to.end()
      else {
        to.write(head.chunk)
        delivered(head.chunk)
      }
    }
  }
  to.on('close', () => clearTimeout(timer))
  return {
    flow,
    push(chunk: Buffer | undefined, delay: number) {
      queue.push({ chunk, due: Math.max(performance.now() + delay, queue.at(-1)?.due ?? 0) })
      flow()
    },
  }
}
