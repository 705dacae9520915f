import type { KeyplanError } from '../base/error.ts'
import { surfacing } from '../base/surfacing.ts'
import type { Subject } from '../guard/guard.ts'
import type { ServerEvent } from '../redis/server.ts'
import type { Status } from './client.ts'
import type { Events } from './events.ts'

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
  server(event: ServerEvent): void
  breaker(state: Status['breaker']): void
  /** A namespace answered by its `whenDown`. */
  fellBack(subject: Subject, error: KeyplanError): void
}

export function createReporter(server: string, events: Events, log: Log): Reporter {
  /** Namespaces that have fallen back since the server was last well. */
  const degraded = new Set<string>()

  return {
    server(event) {
      switch (event.type) {
        case 'ready':
          degraded.clear()
          log('info', `connected to Redis at ${server}${event.version ? ` (version ${event.version})` : ''}`)
          events.tell('connected', { server, version: event.version, afterMs: event.afterMs })
          break
        case 'lost':
          log('warn', `lost the connection: ${event.error.message}; reconnecting`)
          events.tell('reconnecting', { server, error: event.error })
          break
        case 'attempt-failed':
          // At the 1st, 2nd, 4th, 8th … attempt: a long outage is told ever more rarely.
          if ((event.attempts & (event.attempts - 1)) !== 0) break
          if (event.attempts === 1) log('warn', `cannot connect: ${event.error.message}; trying again`)
          events.tell('unreachable', { server, error: event.error, attempts: event.attempts })
          break
      }
    },
    breaker(state) {
      if (state === 'closed') degraded.clear()
      if (state !== 'half-open') log(state === 'open' ? 'warn' : 'info', `circuit breaker ${state}`)
      events.tell('breaker', { state })
    },
    fellBack({ namespace, name }, error) {
      if (degraded.has(namespace)) return
      degraded.add(namespace)
      log('warn', `${namespace} answers without Redis: ${error.message}`)
      events.tell('degraded', { namespace, operation: name, error })
    },
  }
}
