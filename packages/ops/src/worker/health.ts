import type { Supervised } from './supervisor.ts'

/** Whether a supervised worker does its work. Holds no secrets, keys or values. */
export interface WorkerHealth {
  /**
   * - `up`: every handler's worker gets its entries.
   * - `down`: it does not, or there is no process; `reasons` says why.
   * - `draining`: it was told to end.
   */
  readonly status: 'up' | 'down' | 'draining'
  readonly reasons: readonly string[]
  readonly process: { readonly pid: number | null; readonly restarts: number; readonly lastEnd: string | null }
  readonly redis: string | null
  readonly workers: readonly {
    readonly stream: string
    readonly group: string
    readonly params?: string | undefined
    readonly consumer: string
    readonly state: string
    readonly well: boolean
    readonly handled: number
    readonly active: number
  }[]
}

/** A process tells how it stands several times a second; one that is silent for longer is busy or frozen. */
const silentFor = 3_000

export function workerHealth({ pid, snapshot, silentMs, restarts, lastEnd, draining }: Supervised): WorkerHealth {
  const reasons: string[] = []
  if (pid === undefined)
    reasons.push(`the process is not there${lastEnd === undefined ? '' : `; it ended: ${lastEnd}`}`)
  else if (!snapshot) reasons.push('the process has not begun its work')
  else if (silentMs > silentFor) reasons.push(`the process has said nothing for ${Math.floor(silentMs / 1000)} s`)
  if (snapshot && !served.has(snapshot.redis.state)) {
    reasons.push(`Redis: ${snapshot.redis.reason ?? `the connection is ${snapshot.redis.state}`}`)
  }
  for (const { stream, group, well, state, reason } of snapshot?.workers ?? []) {
    if (!well || state !== 'running') reasons.push(`${stream}.${group}: ${reason ?? `it is ${state}`}`)
  }
  return {
    status: draining ? 'draining' : reasons.length === 0 ? 'up' : 'down',
    reasons,
    process: { pid: pid ?? null, restarts, lastEnd: lastEnd ?? null },
    redis: snapshot?.redis.state ?? null,
    workers: (snapshot?.workers ?? []).map(({ stream, group, params, consumer, state, well, figures }) => ({
      stream,
      group,
      params,
      consumer,
      state,
      well,
      handled: figures.handled,
      active: figures.active,
    })),
  }
}

/** What the breaker keeps away comes through again by itself, and a worker that it keeps away is not well. */
const served: ReadonlySet<string> = new Set(['connected', 'degraded', 'memory'])
