import type { Call } from '../base/call.ts'
import type { Stored } from '../base/codec.ts'
import type { KeyplanError } from '../base/error.ts'
import type { Script, ScriptArgs, ScriptKeys } from './script.ts'

/** An argument on the wire. */
export type Argument = Stored | number

/** How replies are read: as UTF-8 text or as raw bytes. */
export type Encoding = 'text' | 'bytes'

/** The reply of a command as the protocol gives it. */
export type Reply = string | number | null | Uint8Array | Reply[]

/** A command and its arguments. */
export type Command = readonly [name: string, ...args: Argument[]]

export interface BlockOptions {
  /** Milliseconds, of which waiting for a link is a part. May be `Infinity`. */
  readonly wait: number
  readonly signal?: AbortSignal | undefined
  readonly encoding?: Encoding | undefined
  /**
   * Sent on the same link right before each slice, such as the write that WAIT is to wait for. It says where the call goes,
   * and when it fails, so does the call.
   */
  readonly first?: Command | undefined
}

/** A subscription that lives until `close`, across reconnects. */
export interface Subscription {
  close(): void
}

export interface SubscribeHandlers {
  message(payload: string, channel: string): void
  /** The link was lost and is back: messages in between are gone. Told once for each lost link. */
  gap?: (() => void) | undefined
  /** After a lost link the server would not let it listen again. Nothing more is heard. */
  refused?: ((error: KeyplanError) => void) | undefined
}

/** Told of changed keys. What it throws surfaces as uncaught. */
export interface Tracker {
  /**
   * Keys that have changed; null when all of one server may have, as after FLUSHALL and FLUSHDB, and their marks are new
   * already. A key may be told more than once, and one that did not change.
   */
  invalidated(keys: readonly string[] | null, lane: string): void
  changed?(change: TrackingChange): void
}

/**
 * Of one lane: its changes are heard from now on (`ready`), or no longer (`lost`), which the marks of its keys show
 * already; or its server refuses to tell of any (`denied`), which is told once until it does.
 */
export type TrackingChange = { readonly lane: string } & (
  | { readonly type: 'ready' | 'lost' }
  | { readonly type: 'denied'; readonly error: KeyplanError }
)

/** Says of a copy of what a key holds whether it may be believed. */
export interface Tracking {
  /**
   * The mark of a key: undefined while its changes are not heard. It is another one, never given before, after anything
   * by which one may have been missed: the link that hears them was lost, the server was emptied, restarted or replaced,
   * the key's slot has gone to another node, or an answer came from the one that is getting it.
   *
   * A copy may be believed while the mark is the one that was read *before* the value was asked for, and the key has not
   * been told as changed since then: neither before the value came nor after. What is left is the time that news take: a
   * trip; where the server fell silent, or this process did not listen, two and a half times the stall; and where a master
   * was cut off from the others but not from this process, until that is known: with Sentinels at once, on a cluster after
   * up to 15 s. A lifetime of the copy bounds that.
   *
   * @param now by the clock, for who has just looked at it: a look takes longer than the rest
   */
  mark(key: string, now?: number): number | undefined
  /**
   * Why the key's server does not tell of changes, if it refuses to: the user may not, or it does not know how. It is
   * asked again when it is connected anew. Its error names the permissions that are missing.
   */
  denial(key: string): KeyplanError | undefined
  close(): void
}

/**
 * What a subscription names: one channel; all whose name matches a glob; or one whose messages stay, on a cluster, with the
 * node that has its slot, and are published by SPUBLISH.
 */
export type ChannelKind = 'exact' | 'pattern' | 'sharded'

/**
 * The seam between the kinds and one logical server, whatever its topology.
 * Everything rejects with a KeyplanError that carries an outcome.
 */
export interface Redis {
  /** Sends one command, to where its first key is. Commands of one key sent in program order reach the server in that order. */
  send(command: string, args: readonly Argument[], call: Call, encoding?: Encoding): Promise<Reply>
  /** Runs a script on the node that owns its keys. */
  evaluate<K extends string, A extends string, R>(
    script: Script<K, A, R>,
    keys: ScriptKeys<K>,
    args: ScriptArgs<A>,
    call: Call,
    encoding?: Encoding,
  ): Promise<R>
  /**
   * Runs commands as one step: all or, if the server refuses one of them before the others run, none. Their keys lie on one
   * server, on a cluster in one slot. A command that fails while it runs has its error in its place and keeps no other
   * from running, as the server has it.
   */
  transact(commands: readonly Command[], call: Call, encoding?: Encoding): Promise<readonly (Reply | KeyplanError)[]>
  /**
   * Sends a command that waits on the server for data, such as BLPOP or XREADGROUP, on a link of its own. Resolves with
   * the first reply that is not null, or with null once `wait` is over. `args` is called for each slice of it with the
   * whole milliseconds, 1 or more, that the server may wait. What comes between two slices is missed by a command that
   * asks only for what is new, such as XREAD from `$`: name the last id seen.
   *
   * At most eight calls of a process block on a server at once; the others take turns with them, in order. One whose
   * `wait` ends before its first turn resolves with null as well.
   *
   * At most once: whatever ends a call early drops the link it blocks on, so that nothing is taken unseen later. A reply
   * under way at that moment is lost, and the outcome is `unknown`. Where no slice was under way it is `not-executed`.
   *
   * @throws KeyplanError ABORTED by the signal; DISCONNECTED at once while the server is not connected, or when the link
   * is lost; TIMEOUT when it stays silent for longer than a slice and the stall; CLOSED; what the server answers
   */
  block(command: string, args: (sliceMs: number) => readonly Argument[], options: BlockOptions): Promise<Reply>
  /**
   * Listens on the process's subscriber link, by default to an exact channel. Resolves when the server has confirmed it.
   */
  subscribe(channel: string, handlers: SubscribeHandlers, kind?: ChannelKind): Promise<Subscription>
  /**
   * Hears of changes of all keys that begin with one of `prefixes`, whoever makes them, this process included: writes,
   * deletes, lifetimes that end, evictions, FLUSHALL. Databases are not told apart, and SWAPDB is not told.
   *
   * All who track share one link to each server that holds keys. It is opened for the first of them, as soon as the
   * server is connected, and ends with the last. A prefix that what is tracked so far does not cover makes the marks of all
   * new: let those of a process begin in one tick.
   */
  track(prefixes: readonly string[], tracker: Tracker): Tracking
  /**
   * A page of the keys that match a glob, of every node that holds keys. `cursor` is '0' to begin and again at the end.
   * Keys may repeat.
   */
  scan(glob: string, cursor: string, call: Call): Promise<{ readonly cursor: string; readonly keys: string[] }>
  /**
   * Milliseconds since the epoch on the clock of the server that has the key, estimated from the handshake: never earlier
   * than the truth.
   */
  serverTime(key: string): number
  /** Names the server that has the key: what fails together has one name. */
  lane(key: string): string
  /** The slot of a key on a cluster, where one call's keys must share it; everywhere else all keys share slot 0. */
  slot(key: string): number
  /**
   * Registers work to be done after a lost link is back and before any waiting or new call is sent on it.
   * A hook that rejects fails the link, which is then opened anew.
   */
  beforeReady(hook: RecoveryHook): () => void
}

/** What is known of an outage of one server that just ended. */
export interface Outage {
  /** Whether the outage was that of the key's server. */
  concerns(key: string): boolean
  /** How long this process had no link, in milliseconds. */
  readonly lasted: number
  /** The server is a new process: what it had not persisted is gone, deletes among them. */
  readonly restarted: boolean
}

/** What recovers a link before others use it: of a cluster, it reaches one node alone. */
export type RecoveryHook = (redis: Pick<Redis, 'send' | 'evaluate' | 'scan' | 'slot'>, outage: Outage) => Promise<void>
