import type { Stored } from '../../base/codec.ts'

/** Who takes entries. */
export interface Claimant {
  readonly group: string
  readonly consumer: string
}

export interface TakeRequest extends Claimant {
  /** The last id that a take before gave: where the group was, should nothing else know. */
  readonly known: string | undefined
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
