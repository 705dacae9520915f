import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux (32768 up) and macOS (49152 up) give to outgoing connections. Taken from those, a port
 * could be lost to any client while its server is down, even to one that is trying to reconnect to that very server:
 * TCP lets such a client connect to itself. A cluster bus, at the port + 10000, stays below them too.
 */
const lowest = 12_000
const beyond = 22_000

/**
 * A random port of 127.0.0.1 that was free a moment ago. Someone else may take it before it is used, so the user of
 * the port has to be ready to ask again.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(lowest, beyond)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port was found on 127.0.0.1 between ${lowest} and ${beyond - 1}`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
