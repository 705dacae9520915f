import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'

/** Who takes entries. */
export interface Claimant {
  readonly group: string
  readonly consumer: string
}

export interface TakeRequest extends Claimant {
  /** Most entries that nobody was given yet. */
  readonly fresh: number
  /** Most entries that are given out again. */
  readonly due: number
  /** Most of those whose delivery ended without a word: one of them may have ended its process. */
  readonly suspects: number
  /** One consumer at a time works for the group, and takes over what the one before left, in order. */
  readonly ordered: boolean
}

/** An entry that is given out. */
export interface Delivery {
  readonly id: string
  /** Undefined where an entry holds none: something else wrote it. */
  readonly value: Stored | undefined
  /** 1 for the first. */
  readonly number: number
  /** The delivery before ended without a word. */
  readonly suspect: boolean
  /** It was given out as often as it may be: it is to be buried, not handled. */
  readonly exhausted: boolean
  /** Of a dead letter that was sent back: the id it first had. */
  readonly origin: string | undefined
  /** Why the delivery before failed. */
  readonly cause: Cause | undefined
}

/** Why a delivery failed. */
export interface Cause {
  readonly name: string
  readonly message: string
  readonly code?: string | undefined
  /** The first lines of the stack. */
  readonly trace?: string | undefined
}

/** An entry that was given out and is no longer there. */
export interface LostEntry {
  readonly id: string
  readonly reason: 'trimmed' | 'deleted'
}

/** The group was not there, and was made again. */
export interface Recreation {
  readonly reason: 'group-lost' | 'stream-lost'
  /** Where it reads on. */
  readonly from: string
  /** Entries that nobody was given, at least; undefined when nothing is known of them. */
  readonly missed: number | undefined
}

export interface Taken {
  readonly deliveries: readonly Delivery[]
  readonly lost: readonly LostEntry[]
  /** Entries that left the stream before anybody was given them. */
  readonly missed: number
  readonly recreated: Recreation | undefined
  /** The last id the group was given: what to wait behind. */
  readonly last: string
  /** There are entries behind that one, as far as it was seen. */
  readonly more: boolean
  /** Milliseconds until an entry is due; undefined when none is. */
  readonly dueIn: number | undefined
  /** Another consumer works for an ordered group; or the group cannot be made again yet. Milliseconds to wait. */
  readonly standby: number | undefined
}

/** A delivery as its holder knows it. A step that names one that is no longer the last does nothing. */
export interface Receipt {
  readonly id: string
  readonly number: number
}

export interface Postponement extends Receipt {
  readonly delayMs: number
  /** What counts as deliveries so far: fewer than the number when the entry was not handled. */
  readonly counted: number
  readonly cause: Cause | undefined
}

export interface Burial extends Receipt {
  readonly value: Stored | undefined
  readonly origin: string | undefined
  /** What it was to bring about: from now on another entry may. */
  readonly effect: string | undefined
  readonly cause: Cause
}

/** An entry and what handling it brings about: entries of one effect are handled once. */
export interface EffectClaim {
  readonly id: string
  readonly effect: string
}

/** Whether an entry is to be handled: its effect is its own to bring about, was, or is another's at the moment. */
export type Standing = 'mine' | 'done' | 'busy'

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
  /** Sets when entries are due again. */
  postpone(call: Call, key: string, group: string, entries: readonly Postponement[]): Promise<void>
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
  bury: { idempotent: true, write: true },
  extend: { idempotent: true, write: true },
  sweep: { idempotent: true, write: true },
  leave: { idempotent: true, write: true },
  inspect: { idempotent: true, write: false },
  letters: { idempotent: true, write: false },
  redrive: { idempotent: false, write: true },
  purge: { idempotent: true, write: true },
  length: { idempotent: true, write: false },
}
