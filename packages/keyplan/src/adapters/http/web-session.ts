import { KeyplanError, kindOf } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type {
  ReadOptions,
  RotateOptions,
  Session,
  SessionChange,
  SessionDeclaration,
  SessionDevice,
  SessionEntry,
  SessionNamespace,
  UpdateOptions,
} from '../../kinds/session/contract.ts'
import type { CookieOptions } from '../cookies.ts'

/** Open sessions, such as `redis.session`. */
export type OpenSessions<In, Out> = ((params: never) => SessionEntry<In, Out>) &
  Pick<SessionNamespace<string, In, Out>, 'create'> & {
    readonly declaration: Pick<SessionDeclaration, 'kind' | 'options'>
  }

export interface WebSessionOptions<Request> {
  /** Names and signs the cookie. */
  cookie: CookieOptions
  /** The cookie outlives the browser; the session ends when the plan says so. Default: true. */
  lasting?: boolean | undefined
  /** What is remembered of the client when a session begins or its user logs in, for a list of devices. */
  device?: ((request: Request) => SessionDevice) | undefined
}

export interface LoginOptions<In, Out> extends Pick<RotateOptions<In, Out>, 'grace' | 'signal' | 'deadline'> {
  /** The data of a session that has to be begun, which the change is then made to. Where there is one it is not looked at. */
  begin?: In | undefined
}

/**
 * The session of one request. Nothing is asked of Redis before a verb is called, and each of them has been carried out when
 * it resolves: there is nothing to save at the end of the request.
 *
 * Every verb rejects when Redis cannot be asked; frameworks answer that error with 503, and the cookie stays as it is.
 */
export interface WebSession<In, Out> {
  /**
   * The session, or undefined for who has none. Asked for once in a request, and again after a verb that changes it.
   *
   * @throws KeyplanError when Redis cannot be asked: nobody knows then whether somebody is logged in
   */
  read(options?: ReadOptions): Promise<Session<Out> | undefined>
  /** Changes fields of the data. Undefined when there is no session, or not any more: nothing is written then. */
  update(change: SessionChange<In, Out>, options?: UpdateOptions): Promise<Session<Out> | undefined>
  /** The session there is, or a new one, for visitors who are nobody yet. */
  begin(data: In): Promise<Session<Out>>
  /**
   * Changes fields under a new id, so that an id that somebody else knew before is worth nothing. Where there is no session it
   * begins one: with `begin` and the change, or, without `begin`, with the change alone, which is then all of the data. To be
   * called before the response begins, since it sends a cookie. With `perUser`, nothing is taken over from a session that
   * another user was logged in to.
   *
   * @throws KeyplanError PARAM_INVALID for a function without `begin`
   */
  login(change: SessionChange<In, Out>, options: LoginOptions<In, Out> & { begin: In }): Promise<Session<Out>>
  login(data: In, options?: LoginOptions<In, Out>): Promise<Session<Out>>
  /** Ends the session, and removes the cookie once that is done. False when there was none. */
  logout(): Promise<boolean>
}

/** How a framework carries cookies. */
export interface Carrier {
  /** The header `Cookie` of the request. */
  readonly cookies: string | undefined
  /** The headers of the response have been sent. */
  readonly sent: boolean
  /** In place of an earlier one of that name. */
  setCookie(name: string, text: string): void
}

const optionNames = ['cookie', 'lasting', 'device'] as const satisfies readonly (keyof WebSessionOptions<unknown>)[]

/** @throws KeyplanError PARAM_INVALID */
export function checkWebSessionOptions<Request>(caller: string, options: WebSessionOptions<Request>): void {
  const [wrong] = groupProblems(options, '', optionNames)
  if (wrong) throw new KeyplanError('PARAM_INVALID', `${caller}(): ${wrong}`)
  const { lasting = true, device } = options
  if (typeof lasting !== 'boolean' || (device !== undefined && typeof device !== 'function')) {
    const message = `${caller}(): lasting is true or false, and device a function`
    throw new KeyplanError('PARAM_INVALID', message)
  }
}

/** @throws KeyplanError PARAM_INVALID */
export function checkSessions<In, Out>(caller: string, namespace: OpenSessions<In, Out>): void {
  if (typeof namespace === 'function' && namespace.declaration?.kind === 'session') return
  const message = `${caller}() was given ${kindOf(namespace)}; give it open sessions, such as redis.session`
  throw new KeyplanError('PARAM_INVALID', message)
}
