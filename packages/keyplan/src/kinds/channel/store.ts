import type { Call } from '../../base/call.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Announcement } from '../../mechanisms/log/announcement.ts'
import type { LogEntry } from '../../mechanisms/log/entry.ts'
import type { Published } from './contract.ts'

/** A message for a channel. `key` is what says which server takes it, where that matters. */
export interface Message {
  readonly target: Announcement
  readonly key: string | undefined
  readonly payload: string
}

export interface ChannelStore {
  /**
   * Publishes messages in their order, and keeps those of reliable channels in the same step. An error in the place of one
   * concerns it alone.
   */
  publish(call: Call, messages: readonly Message[]): Promise<readonly (Published | KeyplanError)[]>
  /** Of a reliable channel: kept messages behind an id, the oldest first. */
  replay(call: Call, log: string, after: string, count: number): Promise<readonly LogEntry[]>
  /** Of a reliable channel: the id of the newest kept message; undefined where there is none. */
  newest(call: Call, log: string): Promise<string | undefined>
}

const patienceMs = 500

export const channelOperations: Operations<ChannelStore> = {
  // A link that just broke is given time to come back before a message is dropped.
  publish: { idempotent: false, write: true, attempt: patienceMs, hold: true },
  replay: { idempotent: true, write: false },
  newest: { idempotent: true, write: false },
}

/** What one subscription hears. */
export interface Ear {
  message(payload: string, channel: string): void
  /** It listens again: messages may have been missed. */
  gap(): void
  /** Nothing more is heard. */
  refused(error: KeyplanError): void
}

/** Where messages are heard: one channel, or all that match a glob. */
export interface Listening {
  one(channel: string, ear: Ear): Promise<{ close(): void }>
  all(glob: string, ear: Ear): Promise<{ close(): void }>
}
