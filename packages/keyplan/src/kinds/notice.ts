import type { LeaseNotice } from '../mechanisms/lease/custody.ts'
import type { Holder } from '../mechanisms/lease/holder.ts'

interface Common {
  readonly namespace: string
  /** What the log is told of it. */
  readonly warning?: string
}

interface Marked {
  /** Stands for the key, which is never told: `redis.<namespace>.mark(params)` gives the same in this process. */
  readonly mark: string
}

interface Failed {
  readonly error: Error
}

interface Counted {
  /** How often it has happened. */
  readonly count: number
}

interface OfSource {
  /** What runs by itself: `worker of mailers`. */
  readonly source: string
}

/** What is told beside `type`, `namespace` and `warning`. */
interface Details {
  elected: Marked & { readonly fence: bigint }
  deposed: Marked & {
    readonly fence: bigint
    /** `resigned`: its work returned; `failed`: it threw. */
    readonly reason: 'lost' | 'stopped' | 'resigned' | 'failed'
    readonly error: Error | undefined
  }
  'campaign-failed': Marked & Failed
  'lock-degraded': object
  'lock-unconfirmed': Marked
  'lock-forced': Marked & { readonly reason: string; readonly holder: Holder | undefined }
  'interval-unmarked': Marked & Failed
  'once-not-settled': Failed
  'refresh-failed': Failed
  'near-untracked': object
  'handler-failed': Counted & Failed & Partial<OfSource>
  'message-undecodable': Counted
  'message-dropped': Counted
  'subscription-ended': Counted & Failed
  'announcement-refused': Partial<Counted>
  'mirror-failed': Failed
  'registry-rejoined': object
  'registry-replaced': object
  'dead-letter': OfSource &
    Counted & {
      /** Of the entry. */
      readonly id: string
      readonly deliveries: number
      /** Why the last of them failed. */
      readonly cause: { readonly name: string; readonly message: string }
    }
  'dead-letter-refused': OfSource & Failed
  'source-waiting': OfSource & Failed & { readonly failures: number }
  'source-running': OfSource & { readonly afterMs: number }
  'source-drain-failed': OfSource & Failed
  gap: OfSource & {
    readonly reason: string
    /** Of a stream: whose group has missed something, how many entries, and which, where that is known. */
    readonly group?: string
    readonly count?: number
    readonly ids?: readonly string[]
  }
}

/** Something worth knowing happened. Carries names and figures, never keys or values. As JSON a fence is text. */
export type Notice =
  | { [Type in keyof Details]: Common & { readonly type: Type } & Details[Type] }[keyof Details]
  | (Common & { readonly type: 'undecodable' | 'oversized' })
  | (Common & LeaseNotice)
