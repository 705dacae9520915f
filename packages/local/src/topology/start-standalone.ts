import type { RedisOptions, ServerOptions } from '../server/redis-configuration.ts'
import { firstObstacle, settle } from './settling.ts'
import { together } from './together.ts'
import { commonEnvironment, type Topology } from './topology.ts'

/** One server in the shape of the larger topologies. @throws Error as `startRedis` */
export function startStandalone(options: ServerOptions & Pick<RedisOptions, 'port'> = {}): Promise<Topology> {
  return together(options, async all => {
    const [server] = await all.start([{}])
    const nodes = [server!]
    return {
      url: server!.url,
      environment: commonEnvironment(server!.url, all.tls),
      nodes,
      tls: all.tls,
      settled: () => settle('the server', () => firstObstacle(nodes, node => node.ask('PING').then(() => undefined))),
      stop: all.end,
      [Symbol.asyncDispose]: all.end,
    }
  })
}
