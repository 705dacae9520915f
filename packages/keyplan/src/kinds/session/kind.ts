import { KeyplanError } from '../../base/error.ts'
import { guarded } from '../../guard/guarded.ts'
import { createLocalServer } from '../../mechanisms/log/local.ts'
import { createRefusals } from '../../mechanisms/log/refusals.ts'
import { localWake, redisWake, type Wake } from '../../mechanisms/wake.ts'
import type { Kind, Opened, Surroundings } from '../kind.ts'
import { type Happening, ownerOf, sessionNews } from './announcing.ts'
import type { SessionDeclaration, SessionNamespace } from './contract.ts'
import { openSessions } from './handle.ts'
import { createMemorySessionStore } from './memory.ts'
import { sessionNames } from './names.ts'
import { createRedisSessionStore } from './redis.ts'
import { sessionScripts } from './scripts.ts'
import { createStandby } from './standby.ts'
import { type SessionStore, sessionOperations } from './store.ts'

export const sessionKind: Kind<SessionDeclaration> = {
  kind: 'session',
  scripts: sessionScripts,
  open(declaration, surroundings) {
    const { name, pattern, clock, server, announcing, notify } = surroundings
    if (!server) return openInProcess(declaration, surroundings)
    const { options: settings, whenDown } = declaration
    const names = sessionNames(pattern, settings)
    const redis = createRedisSessionStore(
      server.redis,
      names,
      announcing && sessionNews(pattern, names, announcing),
      createRefusals(name, 'sessions begin and end', notify),
    )
    const notices = redisWake(server.redis)
    const open = (main: SessionStore, fallback: Partial<SessionStore>, wakes: readonly Wake[]) =>
      openSessions({
        settings,
        names,
        steps: guarded(name, main, sessionOperations, server.guard, fallback),
        wakes,
        time: server.redis.serverTime,
        surroundings,
      })
    if (whenDown === 'fail') return open(redis, {}, [notices])
    const wake = localWake()
    const memory = createMemorySessionStore(names, wake, clock)
    const { main, fallback } = createStandby(redis, memory, settings.ttlMs, clock.wall)
    return open(main, fallback, [notices, wake])
  },
  feature: 'session',
  openDisabled: (declaration, surroundings) => openInProcess(declaration, surroundings, refusing),
}

/** Sessions of this process alone. */
function openInProcess(
  { options: settings }: SessionDeclaration,
  { name, pattern, clock, bare, announcing, local = createLocalServer(clock) }: Surroundings,
  over = (store: SessionStore) => store,
): Opened<SessionNamespace> {
  const names = sessionNames(pattern, settings)
  const wake = localWake()
  const news = announcing && sessionNews(pattern, names, announcing)
  function tell({ event, key, to, text }: Happening & { readonly text: string }): void {
    if (news) local.announce(news.at(key), `${news.head(event, key, to)}${ownerOf(text)}}`)
  }
  return openSessions({
    settings,
    names,
    steps: guarded(name, over(createMemorySessionStore(names, wake, clock, tell)), sessionOperations, bare),
    wakes: [wake],
    time: () => Math.floor(clock.wall()),
    surroundings: { name, clock, server: undefined },
  })
}

/** Sessions that are switched off: nobody is taken for logged out, or in. */
function refusing(store: SessionStore): SessionStore {
  const refuse = () =>
    Promise.reject(
      new KeyplanError('UNSUPPORTED', 'Sessions are switched off by configuration (features.session)', {
        outcome: 'not-executed',
      }),
    )
  return Object.fromEntries(Object.keys(store).map(step => [step, refuse])) as unknown as SessionStore
}
