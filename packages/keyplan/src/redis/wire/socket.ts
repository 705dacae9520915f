import { createConnection, isIP, type Socket } from 'node:net'
import type { Endpoint } from '../settings.ts'

/** After how many milliseconds of silence the system asks whether the other side is still there. */
const keepAliveAfter = 30_000

/**
 * A connection that the other side has accepted, over TLS if the endpoint says so. Rejects with the error of the system or of
 * TLS, or with undefined where the other side hung up without one.
 *
 * @param made is given the socket before it is connected, to end it early
 */
export async function openSocket(endpoint: Endpoint, made: (socket: Socket) => void): Promise<Socket> {
  const { host, port, path, tls } = endpoint
  const address = path === undefined ? { host, port } : { path }
  const socket = tls
    ? (await import('node:tls')).connect({ ...address, ...serverName(endpoint), ...tls })
    : createConnection(address)
  made(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once(tls ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(undefined))
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveAfter)
  return socket
}

/** An address is no server name: node warns of it, and certificates are checked against `host` anyway. */
const serverName = ({ host }: Endpoint) => host !== undefined && isIP(host) === 0 && { servername: host }
