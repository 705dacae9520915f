import type { Clock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import type { Settings } from '../config/settings.ts'
import type { BreakerState } from '../guard/breaker.ts'
import { type Breakers, createBreakers } from '../guard/breakers.ts'
import { createGuard } from '../guard/guard.ts'
import { createTally, type Tally } from '../guard/tally.ts'
import type { Whom } from '../guard/whom.ts'
import type { Server } from '../kinds/kind.ts'
import { isFatal } from '../redis/node-event.ts'
import type { Script } from '../redis/script.ts'
import { openServer, type ServerConnection } from '../redis/server.ts'
import type { Target } from '../redis/settings.ts'
import { closable } from './closable.ts'
import type { Reporter } from './reporter.ts'

/** A logical server with its guard. */
export interface Connection {
  readonly server: Server
  readonly link: ServerConnection
  readonly breakers: Breakers
  /**
   * Begins connecting. Resolves at the first verdict: a link, or a failed attempt (`optional`); or once every node that
   * is needed has a link (`required`).
   */
  start(): Promise<void>
  close(): Promise<void>
}

interface ConnectionParts {
  readonly settings: Settings
  readonly target: Target
  /** The name of the plan. */
  readonly plan: string
  readonly scripts: readonly Script[]
  readonly reporter: Reporter
  readonly tally: Tally
  readonly clock: Clock
  isClosed(): boolean
}

const ping = { namespace: '$connection', name: 'ping', operation: { idempotent: true, write: false } }

export function createConnection(parts: ConnectionParts): Connection {
  const { settings, target, plan, scripts, reporter, tally, clock, isClosed } = parts
  const changed = (lane: string, state: BreakerState) => {
    reporter.breaker(lane, state)
    if (state === 'open') void heed(lane)
  }
  /** The server of a lane; without one what all of them are. */
  function whom(lane: string): Whom {
    const server = link.nodes.find(({ name }) => name === lane) ?? link
    return { name: `Redis at ${server.name}`, error: server.error }
  }
  const breakers = createBreakers(settings.breaker, clock, changed, whom)
  const waiters = new Set<(error?: KeyplanError) => void>()

  const link = openServer({ ...settings, target, name: `keyplan:${plan}`, scripts }, clock, event => {
    if (event.type === 'ready') breakers.of(event.lane).serverIsBack()
    reporter.server(event)
    if (event.type === 'ready') void closeBreaker(event.lane)
    if (event.type !== 'ready' && event.type !== 'attempt-failed') return
    for (const verdict of waiters) verdict(event.type === 'ready' ? undefined : event.error)
  })

  // With one server there is nothing to choose, and calls need not be told apart.
  const only = target.topology === 'cluster' ? undefined : breakers.of('')
  const laneOf = (key: string | undefined) => (only || key === undefined ? '' : link.redis.lane(key))
  const breakerOf = (key: string | undefined) => only ?? breakers.of(laneOf(key))
  const guard = closable(
    createGuard({
      patience: settings,
      breakerOf,
      whom: key => whom(laneOf(key)),
      tally,
      clock,
      fellBack: reporter.fellBack,
    }),
    isClosed,
  )

  /** Successes close the breaker: where nobody calls, these are they. */
  async function closeBreaker(lane: string): Promise<void> {
    const breaker = breakers.of(lane)
    const pings = createGuard({
      patience: settings,
      breakerOf: () => breaker,
      tally: createTally(),
      clock,
      fellBack: () => {},
    })
    try {
      while (breaker.state === 'half-open') await pings.run(ping, undefined, call => link.ping(lane, call))
    } catch {
      // Whatever it was, the guard has told the breaker.
    }
  }

  /**
   * A server may be slow for so long that calls give up on it, and still answer before its link does: no new link will
   * say that it is back. An answer in the time of a try does.
   */
  async function heed(lane: string): Promise<void> {
    let asked: number
    try {
      do {
        asked = clock.now()
        await link.ping(lane, { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 })
      } while (clock.now() - asked > settings.attempt)
    } catch {
      // The link is lost: the next one closes the breaker.
      return
    }
    breakers.of(lane).serverIsBack()
    await closeBreaker(lane)
  }

  return {
    server: {
      redis: link.redis,
      readers: link.readers,
      guard,
      lane: only ? undefined : link.redis.lane,
      slowestReconnect: settings.backoff.max,
    },
    link,
    breakers,
    start: () =>
      new Promise<void>((resolve, reject) => {
        const end = (error?: KeyplanError) => {
          tooLate.cancel()
          waiters.delete(verdict)
          if (error) reject(error)
          else resolve()
        }
        // A little later than the attempt itself ends: it knows what was in the way.
        const tooLate = clock.after(settings.connectTimeout * 1.1, () => {
          const late = new KeyplanError('TIMEOUT', `Redis at ${link.name} could not be reached in time`)
          end(settings.start === 'required' ? (link.error ?? late) : undefined)
        })
        const verdict = (error?: KeyplanError) => {
          if (link.state === 'ready') end()
          // A refused password or an old server does not heal by waiting.
          else if (isFatal(error)) end(error)
          else if (error && settings.start === 'optional') end()
        }
        waiters.add(verdict)
        link.start()
      }),
    async close() {
      reporter.close()
      await link.close()
    },
  }
}
