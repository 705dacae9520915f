import { guarded } from '../../guard/guarded.ts'
import { localWake, redisWake } from '../../mechanisms/wake.ts'
import type { Kind, Opened, Surroundings } from '../kind.ts'
import type { SessionDeclaration, SessionNamespace } from './contract.ts'
import { degrading } from './degraded.ts'
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
    const { name, pattern, server } = surroundings
    if (!server) return openInProcess(declaration, surroundings, false)
    const names = sessionNames(pattern, declaration.options)
    const store = createRedisSessionStore(server.redis, names)
    return openSessions({
      settings: declaration.options,
      names,
      steps: guarded(name, store, sessionOperations, server.guard),
      wakes: [redisWake(server.redis)],
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
