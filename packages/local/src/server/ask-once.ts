import type { RespConnection, RespOptions } from './resp-connection.ts'
import type { RespReply } from './resp-reply.ts'

/** Who can be connected to with `connect`. */
interface Connectable {
  connect(options?: RespOptions): Promise<RespConnection>
}

/**
 * One command on a connection of its own. A server that is stopped takes connections and says nothing, so there is a
 * bound to the waiting.
 *
 * @throws Error for an error reply, and when there is no reply within `bound` ms.
 */
export async function askOnce(
  server: Connectable,
  bound: number,
  words: readonly string[],
): Promise<Exclude<RespReply, Error>> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), bound)
  try {
    const connection = await server.connect({ signal: limit.signal })
    const reply = await connection.ask(...words).finally(connection.close)
    if (reply instanceof Error) throw reply
    return reply
  } finally {
    clearTimeout(timer)
  }
}
