import { cache, definePlan, lock, rateLimit, text } from '../../src/index.ts'
import { killableServer } from '../killable-server.ts'
import type { Served } from './http/listening.ts'

export const plan = definePlan('stores', {
  api: rateLimit('api:<key>', { limit: 3, window: '1h' }),
  login: rateLimit('login:<key>', { limit: 1, window: '1m', algorithm: 'sliding-window' }),
  blocking: rateLimit('blocking:<key>', { limit: 3, window: '1h', block: { for: '1m', onDenied: true } }),
  denied: rateLimit('denied:<key>', { limit: 3, window: '2h', whenDown: 'deny' }),
  pair: rateLimit('pair:<a>:<b>', { limit: 3, window: '1h' }),
  reports: lock('lock:<id>', { ttl: '5s' }),
  texts: cache('text:<key...>', { ttl: '1h', value: text() }),
})

/** A client of a server that the test may kill, and the applications that it serves meanwhile. */
export function limitedServer() {
  const setup = killableServer(plan)
  return {
    get redis() {
      return setup.redis
    },
    another: setup.another,
    kill: setup.kill,
    restart: setup.restart,
    /** Gives a way to ask an application, and ends it after the test. */
    asking(served: Served) {
      const { url } = setup.closing(served)
      return (path = '', init?: RequestInit) => fetch(url + path, init)
    },
  }
}
