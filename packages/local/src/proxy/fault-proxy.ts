import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { claimPort, type PortClaim } from '../port/port-claim.ts'
import { behaviourOf, type Fault } from './fault.ts'
import { type ProxyLink, proxyLink, type Traffic } from './proxy-link.ts'

export interface ProxyOptions {
  /** The port of 127.0.0.1, or the unix socket, that connections go on to. */
  to: number | string
  /** The proxy's own port of 127.0.0.1. Default: a free one. */
  port?: number
  /** Connections from this address meet no fault and are counted nowhere. Default: none. */
  exempt?: string
}

/** Since the start of the proxy. */
export interface ProxyTotals extends Traffic {
  /** Connections that were taken. */
  readonly connections: number
  /** Those of them that were reset at once. What `refuse` turns away is answered by the system and not counted. */
  readonly turnedAway: number
}

/**
 * A TCP proxy on 127.0.0.1 that breaks what goes through it. One fault is in force at a time; each verb replaces the
 * one before, for established connections as well. Each connection meets it on its own: none waits for another.
 */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Connections that are open now. */
  readonly connections: number
  /** The same, to look at or to break one by one. */
  readonly links: readonly ProxyLink[]
  readonly totals: ProxyTotals
  /** Puts a fault in force; the verbs below are short for it. */
  apply(fault: Fault): Promise<void>
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
  /** Inverts every byte of replies behind `after` more of them. Default 0: the next reply is garbage from its start. */
  corrupt(after?: number): Promise<void>
  /** Delays requests by `up` and replies by `down` milliseconds. Default 0. */
  delay(by: { up?: number; down?: number }): Promise<void>
  /** Lets replies through in pieces of `bytes` bytes, one each `every` milliseconds. Default 1 byte a millisecond. */
  trickle(pace?: { bytes?: number; every?: number }): Promise<void>
  /** Resets the connections that are open; the fault in force stays. */
  drop(): void
  /** Ends every connection and stops listening. May be called again. */
  close(): Promise<void>
}

/** Starts a proxy without a fault. @throws Error when its port is taken. */
export async function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  const target = typeof options.to === 'number' ? { port: options.to, host: '127.0.0.1' } : { path: options.to }
  const links = new Set<ProxyLink>()
  const exempt = new Set<ProxyLink>()
  const totals = { connections: 0, turnedAway: 0, bytesUp: 0, bytesDown: 0, bytesSwallowed: 0 }
  let fault: Fault = { kind: 'pass' }
  let listener: Server | undefined

  const join = (
    client: Socket,
    among: Set<ProxyLink>,
    initial: Fault,
    count: (kind: keyof Traffic, bytes: number) => void,
  ) => {
    // Half-open, so that a delayed end does not overtake the bytes before it.
    const server = createConnection({ ...target, allowHalfOpen: true })
    const link = proxyLink({ client, server }, initial, count, () => among.delete(link))
    among.add(link)
  }
  const take = (client: Socket) => {
    if (options.exempt !== undefined && client.remoteAddress === options.exempt) {
      return join(client, exempt, { kind: 'pass' }, () => undefined)
    }
    totals.connections++
    if ((behaviourOf(fault).door ?? 'open') === 'open') {
      return join(client, links, fault, (kind, bytes) => {
        totals[kind] += bytes
      })
    }
    totals.turnedAway++
    client.on('error', () => undefined)
    client.resetAndDestroy()
  }
  const listen = async (port: number) => {
    const server = createServer({ allowHalfOpen: true }, take)
    server.listen({ port, host: '127.0.0.1' })
    await once(server, 'listening')
    listener = server
  }
  /** Not waiting for the connections that stay. */
  const unlisten = async () => {
    listener?.close()
    listener = undefined
    await new Promise(setImmediate)
  }

  const { port, claim } = await listenSomewhere(listen, options.port)

  const apply = async (next: Fault) => {
    fault = next
    if (behaviourOf(next).door === 'refuse') await unlisten()
    else if (listener === undefined) await listen(port)
    for (const link of links) link.apply(next)
    while (behaviourOf(next).door === 'refuse' && links.size > 0) await new Promise(setImmediate)
  }
  const close = async () => {
    for (const link of exempt) link.reset()
    await apply({ kind: 'refuse' })
    claim?.release()
  }
  return {
    port,
    get connections() {
      return links.size
    },
    get links() {
      return [...links]
    },
    get totals() {
      return { ...totals }
    },
    apply,
    pass: () => apply({ kind: 'pass' }),
    refuse: () => apply({ kind: 'refuse' }),
    reset: () => apply({ kind: 'reset' }),
    blackhole: () => apply({ kind: 'blackhole' }),
    swallowReplies: () => apply({ kind: 'swallowReplies' }),
    cut: (after = 1) => apply({ kind: 'cut', after }),
    corrupt: (after = 0) => apply({ kind: 'corrupt', after }),
    delay: by => apply({ kind: 'delay', ...by }),
    trickle: pace => apply({ kind: 'trickle', ...pace }),
    drop() {
      for (const link of links) link.reset()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function listenSomewhere(
  listen: (port: number) => Promise<void>,
  wanted: number | undefined,
): Promise<{ port: number; claim: PortClaim | undefined }> {
  for (let attempt = 1; ; attempt++) {
    const claim = wanted === undefined ? await claimPort() : undefined
    const port = claim?.port ?? wanted ?? 0
    try {
      await listen(port)
      return { port, claim }
    } catch (error) {
      claim?.release()
      if (wanted !== undefined || attempt === 20) throw error
    }
  }
}
