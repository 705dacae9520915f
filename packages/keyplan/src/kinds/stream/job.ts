import type { Clock } from '../../base/clock.ts'
import type { Tell } from '../../base/tell.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { SourceNotice } from '../../mechanisms/source.ts'
import type { Cause } from './delivery.ts'
import type { StreamSettings } from './settings.ts'
import type { StreamSteps, StreamStore } from './store.ts'
import type { WorkSettings } from './work-settings.ts'

/** What is told of a worker again and again. */
export type Happening = { readonly source: string } & (
  | { readonly type: 'handler-failed'; readonly error: Error }
  | {
      readonly type: 'dead-letter'
      readonly id: string
      readonly deliveries: number
      readonly cause: Pick<Cause, 'name' | 'message'>
    }
)

/** What a worker works at, on which terms, and by what means. */
export interface Job {
  readonly namespace: string
  readonly key: string
  readonly group: string
  readonly consumer: string
  /** What its worker goes by in notices: `worker of mailers`. */
  readonly workerName: string
  readonly settings: StreamSettings
  readonly work: WorkSettings
  readonly steps: Guarded<StreamSteps>
  readonly wait: StreamStore['wait']
  readonly clock: Clock
  readonly tell: Tell<Happening>
  notify(notice: SourceNotice): void
}

/** Where nothing can be done, it is looked again after this time, in milliseconds. Whoever waits is rung before that. */
export const longRest = 1_000
