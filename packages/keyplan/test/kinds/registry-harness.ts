import { type Clock, realClock } from '../../src/base/clock.ts'
import { KeyplanError } from '../../src/base/error.ts'
import { createBareGuard, type Guard } from '../../src/guard/guard.ts'
import type { Opened, Server, Surroundings } from '../../src/kinds/kind.ts'
import { type RegistryDeclaration, registry } from '../../src/kinds/registry/declaration.ts'
import type { RegistryFigures } from '../../src/kinds/registry/figures.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { type AgentClient, type AgentOptions, type Agents, declaredAgents } from '../conformance/registry.ts'

let instances = 0

export const agentsPattern = parsePattern('agents:<id>')

export const agentsDeclaration = (options: AgentOptions = {}) =>
  registry('agents:<id>', { ...declaredAgents, ...options }) as unknown as RegistryDeclaration

type Open = (declaration: RegistryDeclaration, surroundings: Surroundings) => Opened<unknown>

/** A client of a registry whose way to its server can be cut. */
export function openAgents(
  open: Open,
  options: AgentOptions = {},
  server: Server | undefined = undefined,
  clock: Clock = realClock,
): AgentClient {
  let frozen = false
  const cut = (guard: Guard): Guard => ({
    run: (...args) =>
      frozen ? Promise.reject(new KeyplanError('DISCONNECTED', 'The test has cut it')) : guard.run(...args),
  })
  const opened = open(agentsDeclaration(options), {
    name: 'agents',
    pattern: agentsPattern,
    clock,
    instance: `client-${++instances}`,
    server: server && { ...server, guard: cut(server.guard) },
    bare: cut(createBareGuard()),
    notify: () => {},
  })
  return {
    agents: opened.client as Agents,
    figures: () => opened.figures!() as RegistryFigures,
    freeze() {
      frozen = true
    },
    wake() {
      frozen = false
    },
    close: opened.close,
  }
}
