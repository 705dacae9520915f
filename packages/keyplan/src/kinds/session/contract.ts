import type { CallOptions } from '../../base/call.ts'
import type { Duration } from '../../base/duration.ts'
import type { Declaration } from '../../plan/declaration.ts'
import type { Params } from '../../plan/params.ts'
import type { Binding, BindOptions, SessionSocket } from './binding.ts'
import { factsOf } from './facts.ts'
import type { SessionOptions, SessionWhenDown } from './options.ts'
import { type SessionSettings, settingsOf } from './settings.ts'

/** What is known of the client that a session belongs to, for a list of devices. Texts longer than 512 characters are cut. */
export interface SessionDevice {
  readonly userAgent?: string | undefined
  readonly ip?: string | undefined
  /** A name that its user gave it. */
  readonly label?: string | undefined
}

/** A session as one of a user's list shows it: without its id, which is a login. */
export interface SessionInfo<Out = unknown> {
  /** Names the session without being a login: the SHA-256 of its id, as base64url. */
  readonly name: string
  readonly data: Out
  /** Goes up with every write of the data. */
  readonly version: number
  /** Whose it is, as `perUser.by` says; undefined when it is nobody's. */
  readonly user: string | undefined
  readonly device: SessionDevice
  /** When it began, or its user logged in: milliseconds since the epoch, on the server's clock. */
  readonly createdAt: number
  /** When it was last used, noted at most once in `touchEvery`. */
  readonly lastSeen: number
  /** When it ends if it is not used any more. */
  readonly expiresAt: number
  /** Redis could not be asked: it is this process that answers (`whenDown: 'memory'`). */
  readonly degraded?: true
}

/** What a session was when it was read or written. A snapshot: verbs are those of `redis.<namespace>({ … })`. */
export interface Session<Out = unknown> extends SessionInfo<Out> {
  /** The secret that goes into the cookie: 128 random bits as base64url. Who has it is logged in. */
  readonly id: string
}

/** Fields to set; a field that is undefined is removed, and one that is not named stays as it is. */
export type SessionPatch<In> = { readonly [Field in keyof In]?: In[Field] | undefined }

/** A patch, or what makes one from the present data. It may be called again when another write came first. */
export type SessionChange<In, Out = In> = SessionPatch<In> | ((data: Out) => SessionPatch<In>)

export interface CreateOptions extends CallOptions {
  device?: SessionDevice | undefined
  /**
   * For software that makes ids of its own. Never one that came from a client, which would let others choose it.
   * Default: a new one.
   */
  id?: string | undefined
}

export interface ReadOptions extends CallOptions {
  /** Whether reading counts as use, which extends the session. Default: true. */
  touch?: boolean | undefined
}

export interface UpdateOptions extends CallOptions {
  /** Write only over this version. Default: merge with whatever is there. */
  ifVersion?: number | undefined
  /** The change is all of the data: fields that it does not name are removed. Default: false. */
  replace?: boolean | undefined
  device?: SessionDevice | undefined
}

export interface RotateOptions<In, Out = In> extends CallOptions {
  /** Changes the data in the same step: who logs in has rights under the new id alone. */
  change?: SessionChange<In, Out> | undefined
  device?: SessionDevice | undefined
  /** How long the old id still leads to the session; `false` ends it at once. Default: the declared `rotateGrace`. */
  grace?: Duration | false | undefined
}

/** One session, by the id that a client has shown. */
export interface SessionEntry<In, Out = In> {
  /**
   * The session, or undefined when there is none by this id: it never was, has expired, or was ended. No other verb makes one
   * of an id that is not there, either. One round trip, shared by reads of the same turn of the event loop; it extends the
   * session too, at most once in `touchEvery`.
   *
   * @throws KeyplanError when Redis cannot be asked and `whenDown` is `fail`: that is no answer, and must not be taken for
   * "nobody is logged in"
   */
  read(options?: ReadOptions): Promise<Session<Out> | undefined>
  /**
   * Changes fields of the data. Changes of different fields that are made at the same time all survive; of one field the
   * last. One round trip when this entry has read the session and nobody else wrote since. Those of one process that wait
   * for each other are written together.
   *
   * @returns the session as it is now; undefined when it is not there, or not any more: nothing is written then
   * @throws KeyplanError VERSION_CONFLICT when `ifVersion` is not its version any more; VALUE_INVALID for data that cannot be
   * stored
   */
  update(change: SessionChange<In, Out>, options?: UpdateOptions): Promise<Session<Out> | undefined>
  /** Counts as use, as `read` does. False when there is no such session. */
  touch(options?: CallOptions): Promise<boolean>
  /**
   * Moves the session to a new id, at every login: an id that somebody else knows is worth nothing then. When its user
   * changes, it counts as created now.
   *
   * @returns the session under its new id, for the cookie; undefined when it is not there
   */
  rotate(options?: RotateOptions<In, Out>): Promise<Session<Out> | undefined>
  /**
   * Ends the session. A save that comes late does not bring it back.
   *
   * @returns false when there was nothing to end, or when an earlier try of this call whose reply was lost has done it
   * @throws KeyplanError when Redis cannot be asked, whatever `whenDown` says: it may still be alive then
   */
  destroy(options?: CallOptions): Promise<boolean>
  /**
   * Ties a WebSocket to the session: messages count as use, and it is closed when the session has ended.
   *
   * @throws KeyplanError PARAM_INVALID when it is no socket
   */
  bind(socket: SessionSocket, options?: BindOptions): Binding
}

/** The sessions of one user, where `perUser` is declared. */
export interface UserSessions<Out = unknown> {
  /** Those that live, the newest first: each is looked at. */
  list(options?: CallOptions): Promise<SessionInfo<Out>[]>
  /** Ends the one of this name, if it is this user's. */
  end(name: string, options?: CallOptions): Promise<boolean>
  /**
   * Logs out everywhere, or everywhere but here.
   *
   * @returns how many were ended
   */
  endAll(options?: CallOptions & { except?: Pick<SessionInfo, 'name'> | undefined }): Promise<number>
}

/** `redis.<namespace>` of a session. */
export interface SessionNamespace<P extends string = string, In = unknown, Out = In> {
  (params: Params<P>): SessionEntry<In, Out>
  /**
   * Begins a session under a new id.
   *
   * @throws KeyplanError VALUE_INVALID for data that cannot be stored; PARAM_INVALID when there is, or was, a session by the
   * `id` that was given
   */
  create(data: In, options?: CreateOptions): Promise<Session<Out>>
  /**
   * What there is by a user.
   *
   * @throws KeyplanError UNSUPPORTED when the namespace does not declare `perUser`
   */
  user(user: string | number): UserSessions<Out>
  /** An id as `create` makes them: 128 bits of the system's randomness, as base64url. */
  newId(): string
}

export interface SessionDeclaration<P extends string = string, In = unknown, Out = unknown>
  extends Declaration<'session', P, SessionNamespace<P, In, Out>> {
  readonly whenDown: SessionWhenDown
  readonly options: SessionSettings
}

/**
 * Declares sessions: `session('session:<sessionId>', { ttl: '24h', value: json<Data>() })`. The pattern has one parameter,
 * the id; its SHA-256 stands in the key, so that who reads the keyspace cannot log in.
 */
export function session<const P extends string, In extends object, Out>(
  pattern: P,
  options: SessionOptions<In, Out>,
): SessionDeclaration<P, In, Out> {
  const problems: string[] = []
  const { settings, common, warnings } = settingsOf(pattern, options, problems)
  return {
    kind: 'session',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: options?.whenDown ?? 'fail',
    common,
    options: settings,
    facts: factsOf(settings),
    announce: settings.announce,
    problems,
    warnings,
  }
}
