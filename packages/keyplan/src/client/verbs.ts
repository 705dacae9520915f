import { KeyplanError } from '../base/error.ts'
import type { ClientVerbs, Status } from './client.ts'
import type { Connection } from './connection.ts'
import type { Events } from './events.ts'
import { keepsLink } from './shared-link.ts'

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
    async $command(name, args = [], options) {
      if (!connection) throw new KeyplanError('UNSUPPORTED', `${name} needs a server; this client runs in memory`)
      if (!keepsLink(name, args))
        throw new KeyplanError(
          'PARAM_INVALID',
          `$command cannot send ${name}: it would change the link all calls share`,
        )
      const { redis, guard } = connection.server
      // Upper case, for which ioredis has no reply of its own making (it makes HGETALL's an object).
      return guard.run(command, options, call => redis.send(name.toUpperCase(), args, call))
    },
    $close: close,
    [Symbol.asyncDispose]: close,
  }
}
