import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import type { Operations } from '../../guard/operation.ts'
import type { ChangeNews } from './announcing.ts'

/** What is stored, and what is known of it. Without a value its version is 0. */
export interface StoredDocument {
  readonly value: Stored | undefined
  readonly version: number
  /** Milliseconds until it ends by itself. Undefined: never, or there is none. */
  readonly remainingMs: number | undefined
}

/** One write, however often it is sent. */
export interface DocumentWrite {
  /** Unique: a write that is sent again because its reply was lost is recognised by it. */
  readonly id: string
  readonly value: Stored
  /** Only if it has this version; 0: only if there is none. Undefined: whatever is there. */
  readonly expected: number | undefined
  /** Where the change is announced, if it is. */
  readonly news?: ChangeNews | undefined
  /** The tries of it whose replies did not come. */
  readonly unanswered: Set<Call>
}

/** `unannounced`: why it was done and not announced, in the server's words. */
export type Written =
  | { readonly done: true; readonly version: number; readonly unannounced: string | undefined }
  | ({ readonly done: false } & StoredDocument)

export interface Removed {
  readonly done: boolean
  readonly unannounced: string | undefined
}

/** Each step is atomic. A value that another program has written gets a version of its own as soon as anybody looks. */
export interface DocumentStore {
  read(call: Call, key: string): Promise<StoredDocument>
  /**
   * Writes with a version above the one before and tells who listens; or gives what is there instead of what was expected.
   *
   * @throws KeyplanError `unknown` when an earlier try may have done it and something else is there now
   */
  write(call: Call, key: string, write: DocumentWrite): Promise<Written>
  /** Removes it and its history, if it is there and has the version that is expected, and tells who listens. */
  remove(call: Call, key: string, expected: number | undefined, news?: ChangeNews): Promise<Removed>
  /** The newest first. */
  history(call: Call, key: string): Promise<readonly { readonly value: Stored; readonly version: number }[]>
}

export const documentOperations: Operations<DocumentStore> = {
  read: { idempotent: true, write: false },
  write: { idempotent: true, write: true },
  // Sent again, it might remove what others have written since.
  remove: { idempotent: false, write: true },
  history: { idempotent: true, write: false },
}

/** Where changes of a document are told. */
export interface Changes {
  /** `changed`: look at it. `missed`: as well, and something may have been missed. */
  listen(key: string, hear: { changed(): void; missed(): void }): { close(): void }
}
