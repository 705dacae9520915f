import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An application that listens on loopback. */
export interface Served {
  readonly url: string
  close(): Promise<unknown>
}

/** What a server of Node's that has just begun to listen on loopback is reached by. */
export async function listening(server: Server): Promise<Served> {
  if (!server.listening) await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.closeAllConnections()
      return new Promise(resolve => server.close(resolve))
    },
  }
}
