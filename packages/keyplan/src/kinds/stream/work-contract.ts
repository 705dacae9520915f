import type { Duration } from '../../base/duration.ts'
import type { SourceHealth, SourceState } from '../../mechanisms/source.ts'
import type { Counts } from './counts.ts'

/** An entry as a handler gets it. */
export interface Message<Out> {
  readonly id: string
  readonly value: Out
  /** Which delivery this is: 1 for the first. */
  readonly delivery: number
  /** Of a dead letter that was sent back: the id it first had. */
  readonly origin: string | undefined
  /**
   * Names what handling it brings about, the same in every delivery and after a redrive: what is written elsewhere under
   * this, and unique there, is written once. With `idempotency` that of its effect.
   */
  readonly token: string
  /** Fires when the work is in vain: its time is over, another worker has it, or the worker is closed. */
  readonly signal: AbortSignal
}

export interface WorkOptions<Out> {
  /** Most handlers that run at once. Default: 10. */
  concurrency?: number
  /** Most entries that are held ready beside those. Default: `batch` of the stream. */
  prefetch?: number
  /** Entries whose value gives the same text are handled one at a time, in the order of the stream. */
  orderBy?: (value: Out) => string
  /** The longest a handler may take. Default: 5 min. */
  timeout?: Duration
  /** How long `close` waits for handlers. Default: 10 s. */
  grace?: Duration
  /** Stem of the consumer's name. Default: `WORKER_CONSUMER_NAME`, else the name of the machine. */
  consumer?: string
}

export interface BatchOptions<Out> extends Omit<WorkOptions<Out>, 'orderBy'> {
  /** Most entries of one call of the handler. */
  batch: number
}

/** What a worker has done so far. */
export interface WorkerFigures extends Readonly<Counts> {
  /** Entries at hand now, and how many of them are being handled. */
  readonly held: number
  readonly active: number
}

export interface Worker extends AsyncDisposable {
  /** Its name in the group. */
  readonly consumer: string
  /** Whether it gets its work; red while it cannot ask, whatever a ping says. */
  readonly health: SourceHealth
  readonly figures: WorkerFigures
  /** Takes no more entries; what it holds is handled. */
  pause(): void
  resume(): void
  /** Takes no more, lets handlers finish for the grace, and gives back the rest, which others may take at once. */
  close(grace?: Duration): Promise<void>
}

export type { SourceHealth, SourceState }
