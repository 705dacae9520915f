import { isUnavailable, KeyplanError, kindOf } from '../../base/error.ts'
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
import { type CookieOptions, clearCookie, readCookie, signedCookie, writeCookie } from '../cookies.ts'
import { unavailable } from './unavailable.ts'

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

const optionNames = ['cookie', 'lasting', 'device'] as const satisfies readonly (keyof WebSessionOptions<unknown>)[]

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
   * Sets fields under a new id, so that an id that somebody else knew before is worth nothing; begins a session where there
   * is none. To be called before the response begins, since it sends a cookie.
   */
  login(data: In, options?: Pick<RotateOptions<In, Out>, 'grace' | 'signal' | 'deadline'>): Promise<Session<Out>>
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

/** As long as browsers keep a cookie: the server decides when a session ends. */
const longestCookieMs = 400 * 86_400_000

/**
 * Sessions by a signed cookie, for any framework.
 *
 * @throws KeyplanError PARAM_INVALID for what are no open sessions, and for options; CONFIG_INVALID for the cookie
 */
export function createWebSessions<Request extends object, In extends object, Out>(
  caller: string,
  namespace: OpenSessions<In, Out>,
  options: WebSessionOptions<Request>,
): (request: Request, carrier: () => Carrier) => WebSession<In, Out> {
  checkSessions(caller, namespace)
  const [wrong] = groupProblems(options, '', optionNames)
  if (wrong) throw new KeyplanError('PARAM_INVALID', `${caller}(): ${wrong}`)
  const { lasting = true, device } = options
  if (typeof lasting !== 'boolean' || (device !== undefined && typeof device !== 'function')) {
    const message = `${caller}(): lasting is true or false, and device a function`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  const cookie = signedCookie(options.cookie)
  const { absoluteMs, param } = namespace.declaration.options
  const cookieMs = Math.min(absoluteMs, longestCookieMs)
  const entryOf = namespace as unknown as (params: Record<string, string>) => SessionEntry<In, Out>
  const at = (id: string) => entryOf({ [param]: id })

  function open(request: Request, carrier: Carrier): WebSession<In, Out> {
    const shown = readCookie(carrier.cookies, cookie)
    let entry = shown && at(shown.value)
    let known: Promise<Session<Out> | undefined> | undefined
    let stale = shown?.renew === true

    function hand(id: string): void {
      carrier.setCookie(cookie.name, writeCookie(cookie, id, lasting ? Date.now() + cookieMs : undefined))
    }

    /** What sends a cookie comes too late when the headers have been sent. */
    function inTime(verb: string): void {
      if (!carrier.sent) return
      const message = `${verb}() came after the response had begun, so that its cookie cannot be sent; call it before`
      throw new KeyplanError('UNSUPPORTED', message, { outcome: 'not-executed' })
    }

    function now(session: Session<Out>): Session<Out> {
      entry = at(session.id)
      known = Promise.resolve(session)
      hand(session.id)
      return session
    }

    const created = async (data: In) => now(await namespace.create(data, { device: device?.(request) }))

    async function load(reading: SessionEntry<In, Out>, readOptions: ReadOptions | undefined) {
      const session = await reading.read(readOptions)
      if (session && stale && shown && !carrier.sent) hand(shown.value)
      stale = false
      return session
    }

    const verbs: WebSession<In, Out> = {
      async read(readOptions) {
        if (!entry) return undefined
        if (known) return known
        const loading = load(entry, readOptions)
        known = loading
        // What could not be asked is asked again.
        loading.catch(() => {
          if (known === loading) known = undefined
        })
        return loading
      },
      async update(change, updateOptions) {
        if (!entry) return undefined
        const session = await entry.update(change, updateOptions)
        known = Promise.resolve(session)
        return session
      },
      async begin(data) {
        const session = await verbs.read()
        if (session) return session
        inTime('begin')
        return created(data)
      },
      async login(data, rotateOptions) {
        inTime('login')
        const session = await entry?.rotate({ ...rotateOptions, change: data, device: device?.(request) })
        return session ? now(session) : created(data)
      },
      async logout() {
        inTime('logout')
        const ended = (await entry?.destroy()) ?? false
        entry = undefined
        known = undefined
        if (shown || ended) carrier.setCookie(cookie.name, clearCookie(cookie))
        return ended
      },
    }
    return {
      read: options => answerable(verbs.read(options)),
      update: (change, options) => answerable(verbs.update(change, options)),
      begin: data => answerable(verbs.begin(data)),
      login: (data, options) => answerable(verbs.login(data, options)),
      logout: () => answerable(verbs.logout()),
    }
  }

  const opened = new WeakMap<Request, WebSession<In, Out>>()
  return (request, carrier) => {
    const session = opened.get(request) ?? open(request, carrier())
    opened.set(request, session)
    return session
  }
}

/** Frameworks answer with 503 when Redis could not be asked. */
async function answerable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw isUnavailable(error) ? unavailable(error) : error
  }
}

/** @throws KeyplanError PARAM_INVALID */
export function checkSessions<In, Out>(caller: string, namespace: OpenSessions<In, Out>): void {
  if (typeof namespace === 'function' && namespace.declaration?.kind === 'session') return
  const message = `${caller}() was given ${kindOf(namespace)}; give it open sessions, such as redis.session`
  throw new KeyplanError('PARAM_INVALID', message)
}
