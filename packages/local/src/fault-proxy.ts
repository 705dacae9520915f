import { once } from 'node:events'
import { createConnection, createServer, type Server } from 'node:net'
import { freePort } from './free-port.ts'
import { type Fault, type ProxyLink, proxyLink, type Traffic } from './proxy-link.ts'

export interface ProxyOptions {
  /** The port of 127.0.0.1, or the unix socket, that connections go on to. */
  to: number | string
  /** The proxy's own port of 127.0.0.1. Default: a free one. */
  port?: number
}

/** How new connections are met; established ones end when it changes away from `open`. */
type Door = 'open' | 'refuse' | 'reset'

/**
 * A TCP proxy on 127.0.0.1 that breaks what goes through it. One fault is in force at a time; each verb replaces the
 * one before, for established connections as well.
 */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Connections that are open now. */
  readonly connections: number
  /** Since the start: connections taken, and their bytes. */
  readonly totals: Traffic & { readonly connections: number }
  /** No fault. Connections that lost replies are reset: what they said next would answer the wrong requests. */
  pass(): Promise<void>
  /** Nobody listens: established connections are reset, new ones refused. */
  refuse(): Promise<void>
  /** Established connections are reset, new ones as soon as they are taken. */
  reset(): Promise<void>
  /** Nothing arrives on either side, and nothing says so. What was sent meanwhile arrives once another verb ends it. */
  blackhole(): Promise<void>
  /** Requests are executed, their replies thrown away. */
  swallowReplies(): Promise<void>
  /** Ends each connection after `after` more bytes of replies, mid-frame if it falls there. Default 1. */
  cut(after?: number): Promise<void>
  /** Delays requests by `up` and replies by `down` milliseconds. Default 0. */
  delay(by: { up?: number; down?: number }): Promise<void>
  /** Ends every connection and stops listening. May be called again. */
  close(): Promise<void>
}

/** Starts a proxy without a fault. @throws Error when its port is taken. */
export async function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  const target = typeof options.to === 'number' ? { port: options.to, host: '127.0.0.1' } : { path: options.to }
  const links = new Set<ProxyLink>()
  const totals = { connections: 0, bytesUp: 0, bytesDown: 0, bytesSwallowed: 0 }
  let fault: Fault = { kind: 'pass' }
  let door: Door = 'open'
  let listener: Server | undefined

  const accept = (server: Server) => {
    server.on('connection', client => {
      totals.connections++
      if (door !== 'open') {
        client.on('error', () => undefined)
        client.resetAndDestroy()
        return
      }
      // Half-open, so that a delayed end does not overtake the bytes before it.
      const upstream = createConnection({ ...target, allowHalfOpen: true })
      const link = proxyLink(client, upstream, fault, totals, () => links.delete(link))
      links.add(link)
    })
  }
  const open = async (port: number) => {
    const server = createServer({ allowHalfOpen: true })
    accept(server)
    server.listen({ port, host: '127.0.0.1' })
    await once(server, 'listening')
    listener = server
  }
  const shut = async () => {
    const server = listener
    listener = undefined
    for (const link of links) link.reset()
    if (server !== undefined) await new Promise(resolve => server.close(resolve))
  }

  const port = await openOnFreePort(open, options.port)

  const enter = async (next: Fault) => {
    door = 'open'
    fault = next
    if (listener === undefined) await open(port)
    for (const link of links) link.apply(next)
  }
  const close = async () => {
    door = 'refuse'
    await shut()
  }
  return {
    port,
    get connections() {
      return links.size
    },
    get totals() {
      return { ...totals }
    },
    pass: () => enter({ kind: 'pass' }),
    refuse: close,
    async reset() {
      door = 'reset'
      if (listener === undefined) await open(port)
      for (const link of links) link.reset()
    },
    blackhole: () => enter({ kind: 'blackhole' }),
    swallowReplies: () => enter({ kind: 'swallowReplies' }),
    cut: (after = 1) => enter({ kind: 'cut', after }),
    delay: ({ up = 0, down = 0 }) => enter({ kind: 'delay', up, down }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function openOnFreePort(open: (port: number) => Promise<void>, wanted: number | undefined): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort())
    try {
      await open(port)
      return port
    } catch (error) {
      if (wanted !== undefined || attempt === 20) throw error
    }
  }
}
