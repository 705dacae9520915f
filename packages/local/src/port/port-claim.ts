import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux (32768 up) and macOS (49152 up) give to outgoing connections. Taken from those, a port
 * could be lost to any client while its server is down, even to one that is trying to reconnect to that very server:
 * TCP lets such a client connect to itself. A cluster bus, at the port + 10000, stays below them too.
 */
const lowest = 12_000
const beyond = 22_000

/** Where the bus of a cluster node listens: so much above its port. */
export const busOffset = 10_000

/** A port that nobody else who asks here is given, whether or not a server is listening on it at the moment. */
export interface PortClaim {
  readonly port: number
  release(): void
}

/**
 * Claims a random port of 127.0.0.1 that is free for TCP, and its cluster bus with it. The claim is a UDP socket on
 * the same number: it leaves TCP alone, other processes see it, and the system drops it however this one ends. So a
 * server that was killed finds its port free when it is started again. Programs that claim nothing may still take the
 * port, so the user of it has to be ready to ask again.
 */
export async function claimPort(): Promise<PortClaim> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(lowest, beyond)
    const mark = await bound(port)
    if (mark === undefined) continue
    if ((await isFree(port)) && (await isFree(port + busOffset))) return claim(port, mark)
    mark.close()
  }
  throw new Error(`no free port was found on 127.0.0.1 between ${lowest} and ${beyond - 1}`)
}

function claim(port: number, mark: Socket): PortClaim {
  let held = true
  return {
    port,
    release() {
      if (held) mark.close()
      held = false
    },
  }
}

async function bound(port: number): Promise<Socket | undefined> {
  const socket = createSocket('udp4')
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(socket, 'listening')
    return socket.unref()
  } catch {
    socket.close()
    return undefined
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
