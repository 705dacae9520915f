import { setTimeout as sleep } from 'node:timers/promises'
import { handClock, realClock } from '../../src/base/clock.ts'
import { json } from '../../src/base/codec/json.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import type { Opened, Surroundings } from '../../src/kinds/kind.ts'
import { type SessionDeclaration, session } from '../../src/kinds/session/contract.ts'
import { sessionKind } from '../../src/kinds/session/kind.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { Basket, SessionHarness, Sessions, SessionTerms } from '../conformance/session.ts'
import { connectTo, type LiveServer } from '../live-server.ts'

export const pattern = 'session:<sessionId>'

/** Opens sessions as the client does. */
export function openSessions(
  surroundings: Pick<Surroundings, 'clock' | 'server'>,
  terms: SessionTerms = {},
): Opened<Sessions> {
  const declaration = session(pattern, { ttl: '1h', value: json<Basket>(), ...terms })
  if (declaration.problems.length > 0) throw new Error(declaration.problems.join('; '))
  const opened = sessionKind.open(declaration as unknown as SessionDeclaration, {
    name: 'sessions',
    pattern: parsePattern(pattern, { hashed: declaration.common.hashed }),
    instance: 'test',
    bare: createBareGuard(),
    notify: () => {},
    ...surroundings,
  })
  return opened as unknown as Opened<Sessions>
}

/** Clients of one process, over one memory. */
export function memoryHarness(): SessionHarness {
  const clock = handClock()
  let opened: Opened<Sessions> | undefined
  return {
    async client(terms) {
      opened ??= openSessions({ clock, server: undefined }, terms)
      return opened.client
    },
    advance: ms => clock.advance(ms),
    close: async () => opened?.close(),
  }
}

/** Clients that share nothing but servers, which `open` connects to. */
export async function serverHarness(open: () => Promise<LiveServer>): Promise<SessionHarness> {
  const servers: LiveServer[] = []
  const all: Opened<Sessions>[] = []
  return {
    async client(terms) {
      const server = await open()
      servers.push(server)
      const opened = openSessions({ clock: realClock, server }, terms)
      all.push(opened)
      return opened.client
    },
    advance: ms => sleep(ms),
    async close() {
      for (const { close } of all) await close()
      for (const server of servers) await server.close()
    },
  }
}

export const redisHarness = (port: number) =>
  serverHarness(() => connectTo(port, { scripts: [...sessionKind.scripts] }))
