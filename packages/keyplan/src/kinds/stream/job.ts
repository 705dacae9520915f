import type { Clock } from '../../base/clock.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { SourceNotice } from '../../mechanisms/source.ts'
import type { StreamSettings } from './settings.ts'
import type { StreamSteps, StreamStore } from './store.ts'
import type { WorkSettings } from './work-settings.ts'

/** What a worker works at, on which terms, and by what means. */
export interface Job {
  readonly namespace: string
  readonly key: string
  readonly group: string
  readonly consumer: string
  readonly settings: StreamSettings
  readonly work: WorkSettings
  readonly steps: Guarded<StreamSteps>
  readonly wait: StreamStore['wait']
  readonly clock: Clock
  notify(notice: SourceNotice): void
}

/** Where nothing can be done, it is looked again after this time, in milliseconds. Whoever waits is rung before that. */
export const longRest = 1_000
