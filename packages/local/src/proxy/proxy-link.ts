import type { Socket } from 'node:net'
import { conduit } from './conduit.ts'
import { behaviourOf, type Fault } from './fault.ts'

/** Bytes that went towards the server, towards the client, and replies that were thrown away. */
export interface Traffic {
  readonly bytesUp: number
  readonly bytesDown: number
  readonly bytesSwallowed: number
}

/** One client's connection through the proxy. */
export interface ProxyLink {
  readonly traffic: Traffic
  /** The port this connection comes from in the eyes of the server, as in its CLIENT LIST. Undefined on a unix socket. */
  readonly portAtServer: number | undefined
  /** Puts a fault in force for what arrives from now on, here alone; bytes already delayed keep their time. */
  apply(fault: Fault): void
  /** Ends both sides with a TCP reset. */
  reset(): void
}

interface Ends {
  readonly client: Socket
  readonly server: Socket
}

/** Joins the two sockets under a fault. `count` hears of all traffic; `ended` is called once, when both are gone. */
export function proxyLink(
  { client, server }: Ends,
  initial: Fault,
  count: (kind: keyof Traffic, bytes: number) => void,
  ended: () => void,
): ProxyLink {
  const traffic = { bytesUp: 0, bytesDown: 0, bytesSwallowed: 0 }
  let behaviour = behaviourOf(initial)
  let swallowed = false
  let open = 2

  const add = (kind: keyof Traffic, bytes: number) => {
    traffic[kind] += bytes
    count(kind, bytes)
  }
  const reset = () => {
    for (const socket of [client, server]) {
      // A unix socket has no reset, one that is still connecting nobody to send it to.
      if (socket.remoteAddress === undefined) socket.destroy()
      else socket.resetAndDestroy()
    }
  }
  const up = conduit(server, bytes => add('bytesUp', bytes))
  const down = conduit(client, bytes => add('bytesDown', bytes))

  client.on('data', chunk => up.push(chunk, behaviour.delay?.up ?? 0))
  client.on('end', () => up.push(undefined, behaviour.delay?.up ?? 0))
  server.on('end', () => down.push(undefined, behaviour.delay?.down ?? 0))
  server.on('data', chunk => {
    const { deliver, ends } = behaviour.replies?.(chunk) ?? { deliver: chunk }
    down.push(deliver, behaviour.delay?.down ?? 0)
    if (ends) {
      // An orderly end and not a reset, which could overtake the bytes before it.
      down.push(undefined, 0)
      server.destroy()
    } else if (deliver.length < chunk.length) {
      swallowed = true
      add('bytesSwallowed', chunk.length - deliver.length)
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

  const obey = () => {
    const held = behaviour.held ?? false
    for (const socket of [client, server]) {
      if (held) socket.pause()
      else socket.resume()
    }
    up.flow(held, undefined)
    down.flow(held, behaviour.pace)
  }
  obey()

  return {
    traffic,
    get portAtServer() {
      return server.localPort
    },
    apply(fault) {
      behaviour = behaviourOf(fault)
      // After swallowed replies, those to come would answer the wrong requests.
      if ((behaviour.door ?? 'open') !== 'open' || (swallowed && fault.kind !== 'swallowReplies')) return reset()
      obey()
    },
    reset,
  }
}
