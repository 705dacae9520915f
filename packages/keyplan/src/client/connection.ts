import { isIP } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../base/error.ts'
import type { Settings } from '../config/settings.ts'
import { type Breaker, createBreaker } from '../guard/breaker.ts'
import { createGuard } from '../guard/guard.ts'
import type { Server } from '../kinds/kind.ts'
import type { Script } from '../redis/script.ts'
import { openServer, type ServerConnection } from '../redis/server.ts'
import { type Endpoint, endpointName } from '../redis/settings.ts'
import { closable } from './closable.ts'
import type { Reporter } from './reporter.ts'

/** A server with its guard. */
export interface Connection {
  readonly server: Server
  readonly link: ServerConnection
  readonly breaker: Breaker
  /**
   * Begins connecting. Resolves at the first verdict: a link, or a failed attempt (`optional`); or once there is a link
   * (`required`).
   */
  start(): Promise<void>
}

const ping = { namespace: '$connection', name: 'ping', operation: { idempotent: true, write: false } }

function endpointOf({ server, password }: Settings): Endpoint {
  const { host, port, path, username, database = 0, tlsOptions } = server ?? {}
  return {
    ...(path ? { path } : { host: host ?? '127.0.0.1', port: port ?? 6379 }),
    database,
    username,
    password,
    // An address is no server name: node warns of it, and certificates are checked against `host` anyway.
    tls: tlsOptions && { ...(host && !isIP(host) && { servername: host }), ...tlsOptions },
  }
}

export function createConnection(
  settings: Settings,
  plan: string,
  scripts: readonly Script[],
  clock: Clock,
  isClosed: () => boolean,
  report: (server: string) => Reporter,
): Connection {
  const endpoint = endpointOf(settings)
  const reporter = report(endpointName(endpoint))
  const breaker = createBreaker(settings.breaker, clock, reporter.breaker)
  const waiters = new Set<(error?: KeyplanError) => void>()

  const link = openServer({ ...settings, endpoint, name: `keyplan:${plan}`, scripts }, clock, event => {
    if (event.type === 'ready') breaker.serverIsBack()
    reporter.server(event)
    if (event.type === 'ready') void closeBreaker()
    if (event.type === 'lost') return
    for (const verdict of waiters) verdict(event.type === 'ready' ? undefined : event.error)
  })

  const guard = closable(createGuard(settings, breaker, clock, reporter.fellBack), isClosed)

  /** Successes close the breaker: where nobody calls, these are they. */
  async function closeBreaker(): Promise<void> {
    try {
      while (breaker.state === 'half-open') {
        await guard.run(ping, undefined, call => link.redis.send('ping', [], call))
      }
    } catch {
      // Whatever it was, the guard has told the breaker.
    }
  }

  return {
    server: { redis: link.redis, guard, slowestReconnect: settings.backoff.max },
    link,
    breaker,
    start: () =>
      new Promise<void>((resolve, reject) => {
        const end = (error?: KeyplanError) => {
          tooLate.cancel()
          waiters.delete(verdict)
          if (error) reject(error)
          else resolve()
        }
        const tooLate = clock.after(settings.connectTimeout, () => {
          const late = new KeyplanError('TIMEOUT', `Redis at ${link.name} could not be reached in time`)
          end(settings.start === 'required' ? (link.error ?? late) : undefined)
        })
        const verdict = (error?: KeyplanError) => {
          if (!error) end()
          // A refused password or an old server does not heal by waiting.
          else if (isKeyplanError(error, 'AUTH_FAILED') || isKeyplanError(error, 'UNSUPPORTED')) end(error)
          else if (settings.start === 'optional') end()
        }
        waiters.add(verdict)
        link.start()
      }),
  }
}
