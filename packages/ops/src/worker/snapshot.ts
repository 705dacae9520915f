import type { GroupState, SourceState, WorkerFigures } from 'keyplan'
import type { ClientVerbs } from 'keyplan/client'
import type { Complaint } from '../cli/complaint.ts'

/** One worker of the process, as it stands. */
export interface WorkerSnapshot {
  readonly stream: string
  readonly group: string
  /** Of a stream with parameters: which one, `tenant=a`. */
  readonly params: string | undefined
  readonly consumer: string
  readonly state: SourceState
  readonly well: boolean
  readonly forMs: number
  readonly gaps: number
  /** Why it is not well. */
  readonly reason: string | undefined
  readonly figures: WorkerFigures
  /** How its group is doing on the server, when that was last heard; undefined before, and while it cannot be asked. */
  readonly server: GroupState | undefined
}

/** The process that runs the handlers, as it stands. Holds no secrets, keys or values. */
export interface Snapshot {
  readonly plan: string
  readonly redis: { readonly state: ClientVerbs['$status']['state']; readonly reason: string | undefined }
  readonly workers: readonly WorkerSnapshot[]
  readonly stats: ReturnType<ClientVerbs['$stats']>
  readonly memoryBytes: number
}

/** What the process tells its supervisor. */
export type Told =
  | { readonly type: 'standing'; readonly snapshot: Snapshot }
  | { readonly type: 'failed'; readonly complaint: Complaint }

/** What the supervisor tells the process. */
export interface EndRequest {
  readonly type: 'end'
}

/** What the process is started with, as its only argument, in JSON. */
export interface Assignment {
  readonly file: string
  readonly folder: string
  readonly graceMs: number
}
