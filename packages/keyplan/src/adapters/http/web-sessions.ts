import { isUnavailable, KeyplanError } from '../../base/error.ts'
import type { ReadOptions, Session, SessionChange, SessionEntry } from '../../kinds/session/contract.ts'
import { clearCookie, readCookie, signedCookie, writeCookie } from '../cookies.ts'
import { answeredByFrameworks } from './unavailable.ts'
import {
  type Carrier,
  checkSessions,
  checkWebSessionOptions,
  type LoginOptions,
  type OpenSessions,
  type WebSession,
  type WebSessionOptions,
} from './web-session.ts'

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
  checkWebSessionOptions(caller, options)
  const { lasting = true, device } = options
  const cookie = signedCookie(options.cookie)
  const { absoluteMs, param, perUser } = namespace.declaration.options
  const cookieMs = Math.min(absoluteMs, longestCookieMs)
  const entryOf = namespace as unknown as (params: Record<string, string>) => SessionEntry<In, Out>
  const at = (id: string) => entryOf({ [param]: id })

  /** Of a session that somebody else was logged in to nothing is taken over. */
  function loginOf(change: SessionChange<In, Out>): SessionChange<In, Out> {
    if (perUser === undefined) return change
    return present => {
      const data = typeof change === 'function' ? change(present) : change
      const before = perUser.by(present) ?? undefined
      const after = perUser.by({ ...present, ...data }) ?? undefined
      if (before === undefined || String(before) === String(after)) return data
      const none = Object.fromEntries(Object.keys(present as object).map(field => [field, undefined]))
      return { ...none, ...data }
    }
  }

  function open(request: Request, carrier: Carrier): WebSession<In, Out> {
    const shown = readCookie(carrier.cookies, cookie)
    let entry = shown && at(shown.value)
    let known: Promise<Session<Out> | undefined> | undefined
    let beginning: Promise<Session<Out>> | undefined
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
        // Several parts of a request may ask at once: they share the one that is begun.
        beginning ??= created(data).finally(() => {
          beginning = undefined
        })
        return beginning
      },
      async login(change: SessionChange<In, Out>, { begin, ...rotateOptions }: LoginOptions<In, Out> = {}) {
        if (typeof change === 'function' && begin === undefined) {
          const message =
            'login() was given a function and no begin; give it the data of a session that it may have to begin'
          throw new KeyplanError('PARAM_INVALID', message, { outcome: 'not-executed' })
        }
        inTime('login')
        const session = await entry?.rotate({ ...rotateOptions, change: loginOf(change), device: device?.(request) })
        if (session) return now(session)
        // Without `begin` the change is all of the data.
        if (begin === undefined) return created(change as In)
        const begun = await namespace.create(begin, { device: device?.(request) })
        return now((await at(begun.id).update(change)) ?? begun)
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
      login: (change: SessionChange<In, Out>, options?: LoginOptions<In, Out>) =>
        answerable(verbs.login(change, options as LoginOptions<In, Out> & { begin: In })),
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
    throw isUnavailable(error) ? answeredByFrameworks(error) : error
  }
}
