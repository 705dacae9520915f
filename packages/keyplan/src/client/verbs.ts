import { KeyplanError } from '../base/error.ts'
import type { ClientVerbs, Status } from './client.ts'
import type { Connection } from './connection.ts'
import type { Events } from './events.ts'

const command = { namespace: '$command', name: 'send', operation: { idempotent: false, write: true } }

/** The client's own verbs. */
export function verbs(connection: Connection | undefined, events: Events, closeAll: () => Promise<void>): ClientVerbs {
  let closing: Promise<void> | undefined

  function state(): Status['state'] {
    if (closing) return 'closed'
    if (!connection) return 'memory'
    const { link, breaker } = connection
    if (link.state === 'ready') return breaker.state === 'closed' ? 'connected' : 'degraded'
    return link.state === 'connecting' ? 'connecting' : 'reconnecting'
  }
  const close = () => {
    closing ??= closeAll()
    return closing
  }

  return {
    get $status() {
      return {
        state: state(),
        server: connection?.link.name,
        version: connection?.link.version,
        breaker: connection?.breaker.state ?? 'closed',
        error: connection?.link.error,
      }
    },
    $on: events.on,
    async $command(name, ...args) {
      if (!connection) throw new KeyplanError('UNSUPPORTED', `${name} needs a server; this client runs in memory`)
      const { redis, guard } = connection.server
      return guard.run(command, undefined, call => redis.send(name.toLowerCase(), args, call))
    },
    $close: close,
    [Symbol.asyncDispose]: close,
  }
}
