import { realClock } from '../../src/base/clock.ts'
import { guarded } from '../../src/guard/guarded.ts'
import { feedOperations } from '../../src/kinds/feed/store.ts'
import { type Counting, createCounting } from '../../src/kinds/registry/figures.ts'
import { openRegistries } from '../../src/kinds/registry/handle.ts'
import { createMemoryRegistryStore } from '../../src/kinds/registry/memory.ts'
import { registryNames } from '../../src/kinds/registry/names.ts'
import { type RegistryStore, registryOperations } from '../../src/kinds/registry/store.ts'
import { createLocalServer } from '../../src/mechanisms/log/local.ts'
import { type AgentClient, type AgentOptions, registryConformance } from '../conformance/registry.ts'
import { agentsDeclaration, agentsPattern, openAgents } from './registry-harness.ts'

/** Clients of one process over one store, each with figures of its own. */
registryConformance('memory', async () => {
  const local = createLocalServer(realClock)
  const clients: AgentClient[] = []
  const names = registryNames(agentsPattern, agentsDeclaration().options)
  let store: RegistryStore | undefined
  /** Of the client whose step is under way: each comes to its end at once. */
  let current = createCounting()
  const of = (shared: RegistryStore, counting: Counting) =>
    Object.fromEntries(
      Object.entries(shared).map(([name, step]) => [
        name,
        (...args: unknown[]) => {
          current = counting
          return (step as (...args: unknown[]) => unknown)(...args)
        },
      ]),
    ) as unknown as RegistryStore
  return {
    async client(options?: AgentOptions) {
      const client = openAgents(({ options: settings }, surroundings) => {
        const counting = createCounting()
        store ??= createMemoryRegistryStore(names, settings, local, realClock, ({ expired }) => {
          current.expired += expired
        })
        const steps = guarded('agents', of(store, counting), registryOperations, surroundings.bare)
        const log = guarded('agents', local.log, feedOperations, surroundings.bare)
        const parts = { settings, names, counting, steps, log, news: local.news, mirror: undefined }
        return openRegistries({ ...surroundings, ...parts })
      }, options)
      clients.push(client)
      return client
    },
    async close() {
      for (const { close } of clients) await close()
    },
  }
})
