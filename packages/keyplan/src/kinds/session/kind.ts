import { guarded } from '../../guard/guarded.ts'
import { localWake, redisWake } from '../../mechanisms/wake.ts'
import type { Kind, Opened, Surroundings } from '../kind.ts'
import type { SessionDeclaration, SessionNamespace } from './contract.ts'
import { degrading } from './degraded.ts'
import { createStandby } from './fallback.ts'
import { openSessions } from './handle.ts'
import { createMemorySessionStore } from './memory.ts'
import { sessionNames } from './names.ts'
import { createRedisSessionStore } from './redis.ts'
import { sessionScripts } from './scripts.ts'
import { sessionOperations } from './store.ts'

export const sessionKind: Kind<SessionDeclaration> = {
  kind: 'session',
  scripts: sessionScripts,
  open(declaration, surroundings) {
    const { name, pattern, clock, server } = surroundings
    if (!server) return openInProcess(declaration, surroundings, false)
    const { options: settings, whenDown } = declaration
    const names = sessionNames(pattern, settings)
    const redis = createRedisSessionStore(server.redis, names)
    const wake = localWake()
    const standby =
      whenDown === 'memory'
        ? createStandby(redis, createMemorySessionStore(names, wake, clock), settings.ttlMs, clock.wall)
        : { main: redis, fallback: {} }
    return openSessions({
      settings,
      names,
      steps: guarded(name, standby.main, sessionOperations, server.guard, standby.fallback),
      wakes: [redisWake(server.redis), wake],
      time: server.redis.serverTime,
      surroundings,
    })
  },
  feature: 'session',
  openDisabled: (declaration, surroundings) => openInProcess(declaration, surroundings, true),
}

/** Sessions of this process alone; `degraded` where there is a server that is not asked. */
function openInProcess(
  { options: settings }: SessionDeclaration,
  surroundings: Surroundings,
  degraded: boolean,
): Opened<SessionNamespace> {
  const { name, pattern, clock, bare } = surroundings
  const names = sessionNames(pattern, settings)
  const wake = localWake()
  const memory = createMemorySessionStore(names, wake, clock)
  return openSessions({
    settings,
    names,
    steps: guarded(name, degraded ? degrading(memory) : memory, sessionOperations, bare),
    wakes: [wake],
    time: () => Math.floor(clock.wall()),
    surroundings: { clock, server: undefined },
  })
}
