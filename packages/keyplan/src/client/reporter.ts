import type { Clock } from '../base/clock.ts'
import type { KeyplanError } from '../base/error.ts'
import { surfacing } from '../base/surfacing.ts'
import type { Subject } from '../guard/guard.ts'
import { isFatal, type NodeEvent } from '../redis/node-event.ts'
import type { Status } from './client.ts'
import type { Events } from './events.ts'
import { createLineBudget } from './line-budget.ts'

export type Log = (level: 'info' | 'warn', line: string) => void

/** Warnings reach people who configured nothing; what is merely worth knowing does not. */
export const consoleLog: Log = (level, line) => {
  if (level === 'warn') console.warn(`[keyplan] ${line}`)
}

/** The user's log, which may throw without harm. */
export function safeLog(log: Log): Log {
  return (level, line) => surfacing(() => log(level, line))
}

/** Turns what happens into events and log lines: one line for each change of state, however many calls it meets. */
export interface Reporter {
  server(event: NodeEvent): void
  /** `lane` names the node of a cluster; it is empty for a single server. */
  breaker(lane: string, state: Status['breaker']): void
  /** A namespace answered by its `whenDown`. */
  fellBack(subject: Subject, error: KeyplanError): void
  close(): void
}

/** Names the server, also where the error does not. A refusal that waiting does not heal is not said to be retried. */
function failedAttempt(server: string, error: KeyplanError): string {
  const where = error.message.includes(server) ? '' : ` to ${server}`
  return `cannot connect${where}: ${error.message}${isFatal(error) ? '' : '; trying again'}`
}

export function createReporter(events: Events, log: Log, serverName: () => string, clock: Clock): Reporter {
  const { say, close } = createLineBudget(log, clock)
  /** Namespaces that have fallen back since the server was last well. */
  const degraded = new Set<string>()
  /** Servers whose link was lost and is not back. */
  const lost = new Set<string>()
  /** Those of which a warning was given: its end is told to whoever heard it. */
  const warned = new Set<string>()

  type Told = { [Type in NodeEvent['type']]: (event: NodeEvent & { type: Type }, server: string) => void }
  const told: Told = {
    ready({ version, afterMs }, server) {
      degraded.clear()
      lost.delete(server)
      say(
        server,
        warned.delete(server) ? 'warn' : 'info',
        `connected to Redis at ${server}${version ? ` (version ${version})` : ''}`,
      )
      events.tell('connected', { server, version, afterMs })
    },
    lost({ error }, server) {
      lost.add(server)
      warned.add(server)
      say(server, 'warn', `lost the connection: ${error.message}; reconnecting`)
      events.tell('reconnecting', { server, error })
    },
    'attempt-failed'({ error, attempts }, server) {
      // At the 1st, 2nd, 4th, 8th … attempt: a long outage is told ever more rarely.
      if ((attempts & (attempts - 1)) !== 0) return
      // A lost link was told, and that it is being replaced.
      if (attempts === 1 && isFatal(error)) say(`refusal ${server}`, 'warn', failedAttempt(server, error))
      else if (attempts === 1 && !lost.has(server)) say(server, 'warn', failedAttempt(server, error))
      warned.add(server)
      events.tell('unreachable', { server, error, attempts })
    },
    moved({ from }, server) {
      say('failover', 'warn', `failover: ${server} has taken the place of ${from}`)
      events.tell('failover', { server, from })
    },
    gap(_event, server) {
      events.tell('gap', { server })
    },
  }

  return {
    server: event => told[event.type](event as never, event.node),
    breaker(lane, state) {
      const server = lane || serverName()
      if (state === 'closed') degraded.clear()
      if (state !== 'half-open') {
        say(`breaker ${server}`, 'warn', `circuit breaker of ${server} ${state}`)
      }
      events.tell('breaker', { server, state })
    },
    fellBack({ namespace, name }, error) {
      if (degraded.has(namespace)) return
      degraded.add(namespace)
      say(`fallback ${namespace}`, 'warn', `${namespace} answers without Redis: ${error.message}`)
      events.tell('degraded', { namespace, operation: name, error })
    },
    close,
  }
}
