import type { Call } from '../../base/call.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Announcement } from '../../mechanisms/log/announcement.ts'

/** Reads can say that nobody knows: it is their answer when Redis cannot be asked. */
export type Unknown = 'unknown'

/** One registry: the key that its own are named after, and where its events are announced. */
export interface Place {
  readonly key: string
  readonly announcement: Announcement | undefined
}

/** Who says that it is there: one entry of one member, told apart from those before it by its token. */
export interface Standing {
  readonly id: string
  readonly token: string
}

/** What is written of a member. */
export interface Entry extends Standing {
  /** As 16 hexadecimal digits, in the order of the numbers. */
  readonly load: string
  /** What it is found by; each member has `*`. */
  readonly terms: readonly string[]
  /** As JSON: the inside of an object with its id and capabilities. */
  readonly head: string
  /** Its metadata as JSON. */
  readonly metadata: string
}

/**
 * - `join`: it takes the place of whoever has its name.
 * - `rejoin`: only if nobody alive has its name.
 * - `update`: only while it is a member.
 */
export type PutMode = 'join' | 'rejoin' | 'update'

export interface Put extends Place {
  readonly mode: PutMode
  readonly entry: Entry
}

/** `gone`: it is no member any more; `replaced`: another has its name. */
export type Absence = 'gone' | 'replaced'

/** When it joined, in milliseconds on the server's clock; or why nothing was written. */
export type PutResult = { readonly joinedAt: number } | Absence

/** What a step did beside its own work. */
export interface Sweep {
  /** Members that it took off the list because their lease had ended. */
  readonly expired: number
  /** Why events were kept and not announced, in the server's words. */
  readonly unannounced: string | undefined
}

export interface Beaten extends Sweep {
  /** By their place among those who beat. */
  readonly absent: readonly { readonly place: number; readonly why: Absence }[]
  /** Milliseconds until the next lease ends, as it stands; undefined: there is none. */
  readonly nextMs: number | undefined
}

export interface Left {
  /** How many of those who leave were members. */
  readonly left: number
  /** Whose names others have, by their place among those who leave. */
  readonly replaced: readonly number[]
}

export interface Query {
  /** Of all of these; at least `*`. */
  readonly terms: readonly string[]
  readonly order: 'id' | 'load'
  readonly limit: number
  /** In the order of ids: only those behind this one. */
  readonly after?: string | undefined
}

/** A member as it is read. */
export interface Found {
  readonly joinedAt: number
  readonly load: string
  readonly head: string
  readonly metadata: string
}

/**
 * Each step is atomic. Whoever's lease has ended is never given. Each also takes some of those off the list, and
 * tells that they have expired: whatever step comes first, and no other. Events are kept in the log of the registry,
 * and announced in the same step.
 */
export interface RegistryStore {
  /** All of one registry. */
  put(call: Call, puts: readonly Put[]): Promise<readonly PutResult[]>
  /**
   * Prolongs the leases of those who are members.
   *
   * @param cutOff the link to the server was lost since the last beat of this process
   */
  beat(call: Call, place: Place, members: readonly Standing[], cutOff: boolean): Promise<Beaten>
  leave(call: Call, place: Place, members: readonly Standing[]): Promise<Left>
  find(call: Call, place: Place, query: Query): Promise<readonly Found[] | Unknown>
  /** One whose turn it is: after the one that was picked last by the same query, or of those who have the least load. */
  pick(call: Call, place: Place, query: Pick<Query, 'terms' | 'order'>): Promise<Found | undefined | Unknown>
  get(call: Call, place: Place, id: string): Promise<Found | undefined | Unknown>
  count(call: Call, place: Place, terms: readonly string[]): Promise<number | Unknown>
}

export const registryOperations: Operations<RegistryStore> = {
  put: { idempotent: true, write: true },
  beat: { idempotent: true, write: true },
  leave: { idempotent: true, write: true },
  find: { idempotent: true, write: false, hold: true },
  pick: { idempotent: true, write: true, hold: true },
  get: { idempotent: true, write: false, hold: true },
  count: { idempotent: true, write: false, hold: true },
}

/** Every member has it. */
export const everybody = '*'

/** What nobody writes for a day, or for ten leases, is forgotten. Milliseconds. */
export const lingerMs = (leaseMs: number): number => Math.max(86_400_000, 10 * leaseMs)

/** Most that one step takes off the list: beats more than reads. */
export const swept = { beat: 100, other: 20 } as const

/** Of how many queries it is remembered whose turn it is. Where there are more all begin anew: one may be picked twice. */
export const mostTurns = 1_000
