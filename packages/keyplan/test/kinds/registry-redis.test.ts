import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { registryKind } from '../../src/kinds/registry/kind.ts'
import { type AgentClient, registryConformance } from '../conformance/registry.ts'
import { connectTo, type LiveServer } from '../live-server.ts'
import { openAgents } from './registry-harness.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

registryConformance('Redis', async () => {
  await server.ask('FLUSHALL')
  const connections: LiveServer[] = []
  const clients: AgentClient[] = []
  return {
    async client(options) {
      const connection = await connectTo(server.port, { scripts: registryKind.scripts })
      connections.push(connection)
      const client = openAgents((declaration, around) => registryKind.open(declaration, around), options, connection)
      clients.push(client)
      return client
    },
    async close() {
      for (const { close } of clients) await close()
      for (const { close } of connections) await close()
    },
  }
})
