import { isKeyplanError, isUnavailable, KeyplanError, kindOf } from '../base/error.ts'
import type { SessionEntry } from '../kinds/session/contract.ts'
import { answeredByFrameworks } from './http/unavailable.ts'
import { checkSessions, type OpenSessions } from './http/web-session.ts'

type Answer<T = void> = (error?: unknown, value?: T | null) => void

/** What express-session asks of a store, beside what its own class does. */
export interface ExpressSessionStore<Data> {
  get(id: string, answer: Answer<Data>): void
  set(id: string, data: Data, answer?: Answer): void
  touch(id: string, data: Data, answer?: Answer): void
  destroy(id: string, answer?: Answer): void
}

/**
 * A store for express-session over sessions: `session({ store: expressSessionStore(session, redis.legacy), secret, … })`. A
 * session lives as long as the plan says, whatever its cookie does; one that was destroyed is not brought back by a request
 * that ends late. While Redis cannot be asked express-session calls `next` with an error that is answered with 503.
 *
 * @param library what is imported from express-session, whose class stores are made of
 * @throws KeyplanError PARAM_INVALID for what is not express-session, and for what are no open sessions
 */
export function expressSessionStore<Data extends object, Base extends object>(
  library: { readonly Store: abstract new () => Base },
  namespace: OpenSessions<Data, Data>,
): Base & ExpressSessionStore<Data> {
  if (typeof library?.Store !== 'function') {
    const message = `expressSessionStore() was given ${kindOf(library)}; give it what express-session exports`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  checkSessions('expressSessionStore', namespace)
  const { param } = namespace.declaration.options
  const entryOf = namespace as unknown as (params: Record<string, string>) => SessionEntry<Data>
  const at = (id: string) => entryOf({ [param]: id })

  async function save(id: string, live: Data): Promise<void> {
    // Its own objects do not stay what they are once they are stored.
    const data: Data = JSON.parse(JSON.stringify(live))
    const write = () => at(id).update(data, { replace: true })
    if (await write()) return
    try {
      await namespace.create(data, { id })
    } catch (error) {
      const isTaken = isKeyplanError(error, 'PARAM_INVALID') && error.outcome === 'not-executed'
      if (!isTaken) throw error
      // Another request has begun it meanwhile; or it was destroyed, and stays so.
      await write()
    }
  }

  const store: ExpressSessionStore<Data> = {
    get: (id, answer) =>
      tell(
        at(id)
          .read({ touch: false })
          .then(session => session?.data ?? null),
        answer,
      ),
    set: (id, data, answer) => tell(save(id, data), answer),
    touch: (id, _data, answer) => tell(at(id).touch(), answer && (error => answer(error))),
    destroy: (id, answer) => tell(at(id).destroy(), answer && (error => answer(error))),
  }
  const base: Base = Reflect.construct(library.Store, [])
  return Object.assign(base, store)
}

/** What `answer` throws is its own: it surfaces as uncaught. */
function tell<T>(work: Promise<T | null>, answer: Answer<T> = () => {}): void {
  work.then(
    value => setImmediate(answer, null, value),
    error => setImmediate(answer, isUnavailable(error) ? answeredByFrameworks(error) : error),
  )
}
