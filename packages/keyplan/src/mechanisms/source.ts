import type { Clock } from '../base/clock.ts'
import { isUnavailable } from '../base/error.ts'
import { errorOf, harmless } from '../base/thrown.ts'

/**
 * - `running`: its turns go well.
 * - `waiting`: the last one failed; it is tried again.
 * - `paused`
 * - `draining`: no turn begins any more; what is under way comes to its end.
 * - `closed`
 */
export type SourceState = 'running' | 'waiting' | 'paused' | 'draining' | 'closed'

/** Whether a source does its work: red while turns fail, whatever a ping of the server says. */
export interface SourceHealth {
  readonly state: SourceState
  readonly well: boolean
  /** How long it has been well, or ill, in milliseconds. */
  readonly forMs: number
  /** Turns that failed since one went well. */
  readonly failures: number
  /** Why the last of them failed. */
  readonly error: Error | undefined
  /** How often something may have been missed. */
  readonly gaps: number
}

/** What a source has to tell. Carries names and figures, never keys or values. */
export interface SourceNotice {
  readonly type: string
  readonly namespace: string
  readonly source: string
  /** What the log is told of it. */
  readonly warning?: string
  readonly [detail: string]: unknown
}

/** One turn of a source. */
export interface Turn {
  /** Fires when it should end: the source is paused or closed. That it then rejects is no failure. */
  readonly signal: AbortSignal
  /** The server has answered: from now on the source is well, however long the turn yet waits for data. */
  well(): void
}

/** Something that lives as long as its client: it follows a log, works for a group, tells that it is alive. */
export interface Source {
  readonly health: SourceHealth
  /** Begins the next turn at once: if it is resting, or after the one under way. */
  ring(): void
  /** Ends the turn under way and begins no other until `resume`. */
  pause(): void
  resume(): void
  /** Tells that something was missed or may have been. */
  gap(detail: { readonly reason: string; readonly [name: string]: unknown }): void
  /**
   * Begins no other turn and lets what is under way end, for at most the grace. A later call may shorten it. Never
   * rejects.
   */
  close(graceMs: number): Promise<void>
}

export interface SourceParts {
  readonly namespace: string
  /** What it is, for people: `worker of mailers`. */
  readonly name: string
  readonly clock: Clock
  /** Does one turn. It may say how long to rest before the next, in milliseconds; otherwise that follows at once. */
  turn(turn: Turn): Promise<number | undefined>
  /** After the last turn: lets what it began come to its end, and lets go of it soon after the signal. */
  drain?(late: AbortSignal): Promise<void>
  notify(notice: SourceNotice): void
  /** Whether the process lives on for its sake also while there is nothing to do. Default: false. */
  readonly keepAlive?: boolean
}

/** The pause after a failed turn doubles from the first to the second. Milliseconds. */
const backoff = { min: 50, max: 2_000 }

/** Of a failure that lasts, the log is told this often. Milliseconds. */
const repeatedAfter = 30_000

/**
 * Supervises what runs for long: one turn after another; after a failure a pause that grows, spread so that many do not
 * come back together. That the server is out of reach is told by its connection, and not again by each source.
 */
export function createSource(parts: SourceParts): Source {
  const { namespace, name, clock, turn, drain, keepAlive = false } = parts
  let state: SourceState = 'running'
  let since = clock.now()
  let failures = 0
  let failure: Error | undefined
  let gaps = 0
  let warnedAt = Number.NEGATIVE_INFINITY
  let current: AbortController | undefined
  let wake: (() => void) | undefined
  let rung = false
  let closing: Promise<void> | undefined
  const late = new AbortController()

  const isOpen = () => state === 'running' || state === 'waiting'
  const tell = (type: string, detail: object) => parts.notify({ ...detail, type, namespace, source: name })

  function well(): void {
    if (failures === 0) return
    const afterMs = clock.now() - since
    failures = 0
    failure = undefined
    since = clock.now()
    if (state === 'waiting') state = 'running'
    tell('source-running', { afterMs })
  }

  function failed(error: unknown): number {
    if (failures === 0) since = clock.now()
    failures++
    failure = errorOf(error)
    if (state === 'running') state = 'waiting'
    const isTold = isUnavailable(error)
    const isDue = clock.now() - warnedAt >= repeatedAfter
    const warning =
      isTold || !isDue ? undefined : `${namespace}: the ${name} fails and is tried again: ${harmless(error)}`
    if (warning) warnedAt = clock.now()
    // At the 1st, 2nd, 4th, 8th … failure: a long outage is told ever more rarely.
    if (warning || (failures & (failures - 1)) === 0) tell('source-waiting', { error: failure, failures, warning })
    const pause = Math.min(backoff.max, backoff.min * 2 ** Math.min(failures - 1, 10))
    return pause * (0.5 + 0.5 * Math.random())
  }

  function rest(ms: number | undefined): Promise<void> {
    // Rung since the turn began, which may not have seen why.
    if (rung) return Promise.resolve()
    return new Promise(resolve => {
      const timer = ms === undefined ? undefined : clock.after(ms, () => wake?.(), keepAlive)
      wake = () => {
        wake = undefined
        timer?.cancel()
        resolve()
      }
    })
  }

  async function oneTurn(): Promise<number> {
    const controller = new AbortController()
    current = controller
    rung = false
    try {
      const pause = await turn({ signal: controller.signal, well })
      if (!controller.signal.aborted) well()
      return pause ?? 0
    } catch (error) {
      return controller.signal.aborted ? 0 : failed(error)
    } finally {
      current = undefined
    }
  }

  async function run(): Promise<void> {
    while (isOpen() || state === 'paused') {
      if (state === 'paused') {
        rung = false
        await rest(undefined)
      } else {
        const pause = await oneTurn()
        if (pause > 0 && isOpen()) await rest(pause)
      }
    }
  }

  function stop(as: 'paused' | 'draining'): void {
    state = as
    current?.abort()
    wake?.()
  }

  const running = run()

  async function end(): Promise<void> {
    stop('draining')
    const tooLate = new Promise<void>(resolve => late.signal.addEventListener('abort', () => resolve(), { once: true }))
    await Promise.race([running, tooLate])
    try {
      await drain?.(late.signal)
    } catch (error) {
      const warning = `${namespace}: the ${name} did not end well: ${harmless(error)}`
      tell('source-drain-failed', { error: errorOf(error), warning })
    }
    state = 'closed'
  }

  return {
    get health() {
      return { state, well: failures === 0, forMs: clock.now() - since, failures, error: failure, gaps }
    },
    ring() {
      rung = true
      wake?.()
    },
    pause() {
      if (isOpen()) stop('paused')
    },
    resume() {
      if (state !== 'paused') return
      state = failures > 0 ? 'waiting' : 'running'
      wake?.()
    },
    gap(detail) {
      gaps++
      tell('gap', detail)
    },
    close(graceMs) {
      if (state === 'closed') return closing!
      const timer = clock.after(graceMs, () => late.abort(), true)
      closing ??= end()
      return closing.finally(() => timer.cancel())
    },
  }
}
