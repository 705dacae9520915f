import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import type {
  Burial,
  Cause,
  Claimant,
  EffectClaim,
  LostEntry,
  Postponement,
  Receipt,
  Standing,
  Taken,
  TakeRequest,
} from './delivery.ts'

export interface StoredLetter {
  readonly id: string
  readonly entry: string
  readonly value: Stored | undefined
  readonly deliveries: number
  readonly cause: Cause
}

export interface Swept {
  /** Where to go on; `0-0` at the end. */
  readonly cursor: string
  /** Entries that were pending without our knowledge, and are now due. */
  readonly adopted: number
  readonly lost: readonly LostEntry[]
  /** Consumers that were gone, and had nothing left. */
  readonly removed: number
}

export interface GroupState {
  readonly length: number
  /** Entries that the group has not been given. Undefined when the server does not know. */
  readonly lag: number | undefined
  /** Entries given out and not finished, those that wait for a retry among them. */
  readonly pending: number
  /** Milliseconds since the oldest of them was appended. */
  readonly oldestMs: number | undefined
  readonly deadLetters: number
  readonly consumers: number
}

export interface AppendRequest {
  readonly key: string
  readonly value: Stored
}

/** Each step is atomic. */
export interface StreamStore {
  /** Adds entries in order and trims as declared; gives the id of each, the error of one concerns it alone. */
  append(call: Call, requests: readonly AppendRequest[]): Promise<readonly (string | KeyplanError)[]>
  /** Adds an entry unless one was added under the token within the window; then gives the id of that one. */
  appendOnce(call: Call, key: string, value: Stored, token: string): Promise<{ id: string; duplicate: boolean }>
  /**
   * Gives out what is due, then what is new, and notes it as given out until its claim lapses.
   * Makes the group if it is not there: at its start, or where it was.
   * Reports what is due and no longer there, and keeps a record of each with the dead letters.
   */
  take(call: Call, key: string, request: TakeRequest): Promise<Taken>
  /** Resolves when there may be something behind `last`, and after `ms` at the latest. */
  wait(key: string, last: string, ms: number, signal: AbortSignal): Promise<void>
  /** Finishes deliveries; entries that are finished already stay so. With their effects noted, where they have one. */
  done(call: Call, key: string, group: string, ids: readonly string[], effects: readonly string[]): Promise<void>
  /** Takes the right to each effect for its entry, for so long; who has it keeps it. */
  claim(
    call: Call,
    key: string,
    group: string,
    claims: readonly EffectClaim[],
    ms: number,
  ): Promise<readonly Standing[]>
  /** Sets when entries are due again; gives the ids of those that are finished, or another's by now. */
  postpone(call: Call, key: string, group: string, entries: readonly Postponement[]): Promise<readonly string[]>
  /** Of these entries, those that were given out and are not finished. */
  unfinished(call: Call, key: string, group: string, ids: readonly string[]): Promise<readonly string[]>
  /** After a take whose reply was lost: what it gave out is due, save what its taker has. Of an ordered group. */
  reclaim(call: Call, key: string, claimant: Claimant, known: readonly string[]): Promise<void>
  /** Writes the dead letter and finishes the entry: both or none. False when the receipt is not the last. */
  bury(call: Call, key: string, group: string, burial: Burial): Promise<boolean>
  /** Prolongs claims; gives the ids that are claimed by another by now. */
  extend(
    call: Call,
    key: string,
    claimant: Claimant,
    receipts: readonly Receipt[],
    ordered: boolean,
  ): Promise<readonly string[]>
  /** Prolongs the right to each effect for its entry, while that is given out: nobody's is had, another's is left alone. */
  renew(call: Call, key: string, group: string, claims: readonly EffectClaim[], ms: number): Promise<void>
  /** Takes up what is pending by the server's account alone, and removes consumers that are gone and have nothing left. */
  sweep(call: Call, key: string, claimant: Claimant, cursor: string): Promise<Swept>
  /** Removes the consumer if it has nothing left, and makes way where it was the one at work. */
  leave(call: Call, key: string, claimant: Claimant): Promise<void>
  inspect(call: Call, key: string, group: string): Promise<GroupState>
  /** The dead letters after an id, oldest first. */
  letters(call: Call, key: string, group: string, after: string, limit: number): Promise<readonly StoredLetter[]>
  /** Appends dead letters anew, for this group alone, and removes them. Those that hold no value stay. Gives how many went. */
  redrive(call: Call, key: string, group: string, ids: readonly string[]): Promise<number>
  /** Removes dead letters. Gives how many. */
  purge(call: Call, key: string, group: string, ids: readonly string[]): Promise<number>
  length(call: Call, key: string): Promise<number>
}

/** What goes through the guard: all but the waiting. */
export type StreamSteps = Omit<StreamStore, 'wait'>

export const streamOperations: Operations<StreamSteps> = {
  // Sent again after a lost reply, an entry would be there twice.
  append: { idempotent: false, write: true },
  appendOnce: { idempotent: true, write: true },
  // Sent again after a lost reply, what was given out is given again when its claim lapses.
  take: { idempotent: false, write: true },
  done: { idempotent: true, write: true },
  claim: { idempotent: true, write: true },
  postpone: { idempotent: true, write: true },
  unfinished: { idempotent: true, write: false },
  reclaim: { idempotent: true, write: true },
  bury: { idempotent: true, write: true },
  extend: { idempotent: true, write: true },
  renew: { idempotent: true, write: true },
  sweep: { idempotent: true, write: true },
  leave: { idempotent: true, write: true },
  inspect: { idempotent: true, write: false },
  letters: { idempotent: true, write: false },
  redrive: { idempotent: false, write: true },
  purge: { idempotent: true, write: true },
  length: { idempotent: true, write: false },
}
