import { startMasterAndReplicas } from '../replicated/start-replicated.ts'
import { quoted } from '../server/quoted.ts'
import type { Directives, ServerOptions } from '../server/redis-configuration.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import { serverUrl } from '../server/server-url.ts'
import { settle } from '../topology/settling.ts'
import { type Together, together } from '../topology/together.ts'
import { clientPort, commonEnvironment, type Topology } from '../topology/topology.ts'
import { promote } from './failover.ts'
import { hurried } from './haste.ts'
import { sentinelObstacle, type Watched } from './sentinel-obstacle.ts'
import { newestMaster } from './sentinel-view.ts'

/** `password`, `users`, `args` and `appendonly` are those of the servers with the data. */
export interface SentinelOptions extends ServerOptions {
  /** Default 2. */
  replicas?: number
  /** Default 3. */
  sentinels?: number
  /** How many Sentinels have to find the master down. Default 2. */
  quorum?: number
  /** Silence after which a Sentinel finds a server down, in milliseconds. Default 1000. */
  downAfter?: number
  /** How long a failover may take; another one is tried after twice as long. Milliseconds, default 3000. */
  failoverTimeout?: number
  /** Default `mymaster`. */
  masterName?: string
  /** Asked of every client of the Sentinels. Default: none. */
  sentinelPassword?: string
}

export interface SentinelTopology extends Topology {
  readonly masterName: string
  readonly sentinels: readonly RedisProcess[]
  /** The servers with the data; which of them is the master changes. */
  readonly data: readonly RedisProcess[]
  /** The master, as the Sentinel with the newest configuration has it. @throws Error when no Sentinel answers */
  master(): Promise<RedisProcess>
  /**
   * A planned failover. Resolves with the new master when every Sentinel that runs names it and it takes writes.
   *
   * @throws Error when the Sentinels refuse, with their reason
   */
  failover(): Promise<RedisProcess>
}

/**
 * Starts a master, its replicas and Sentinels, and resolves when every Sentinel sees the others and the replicas, all
 * agree on the master, and each replica could take over.
 *
 * @throws Error as `startRedis`, and for a name that Sentinel would refuse; everything that was started is gone then
 */
export function startSentinel(given: SentinelOptions = {}): Promise<SentinelTopology> {
  const { replicas = 2, sentinels: count = 3, masterName = 'mymaster', sentinelPassword } = given
  return together(given, async all => {
    if (!/^[\w.-]+$/.test(masterName)) throw new Error('masterName may hold letters, digits, "_", "." and "-" only')
    const pair = await startMasterAndReplicas(all, replicas)
    const directives = sentinelDirectives({ ...given, masterName }, all, clientPort(pair.master))
    const specs = Array.from({ length: count }, (_, index) => ({
      name: `Sentinel ${index + 1}`,
      role: 'sentinel' as const,
      shared: { tls: all.tls, login: sentinelPassword === undefined ? undefined : { password: sentinelPassword } },
      directives,
    }))
    const sentinels = await all.start(specs, { password: sentinelPassword, users: [], args: {}, appendonly: false })
    const data = [pair.master, ...pair.replicas]
    const watched: Watched = { masterName, data, sentinels }
    const settled = () => hurried(sentinels, () => settle('Sentinel', () => sentinelObstacle(watched)))
    await settled()

    const login = given.password === undefined ? undefined : { password: given.password }
    const hosts = serverUrl({ ports: sentinels.map(clientPort), tls: all.tls !== undefined }, login)
    const url = `${hosts}?sentinelMasterId=${masterName}`
    const master = async () => {
      const newest = await newestMaster(sentinels, masterName)
      const found = data.find(node => clientPort(node) === newest?.port)
      if (found === undefined) throw new Error('no Sentinel names a master that was started here')
      return found
    }
    return {
      url,
      environment: {
        ...commonEnvironment(url, all.tls),
        ...(sentinelPassword !== undefined && { REDIS_SENTINEL_PASSWORD: sentinelPassword }),
      },
      nodes: [...data, ...sentinels],
      tls: all.tls,
      masterName,
      sentinels,
      data,
      master,
      failover: async () => promote(watched, await master(), master),
      settled,
      stop: all.end,
      [Symbol.asyncDispose]: all.end,
    }
  })
}

function sentinelDirectives(options: SentinelOptions, { login }: Together, masterPort: number) {
  const { masterName: name, replicas = 2, quorum = 2, downAfter = 1_000, failoverTimeout = 3_000 } = options
  return (port: number): Directives => ({
    sentinel: [
      'announce-ip 127.0.0.1',
      `announce-port ${port}`,
      `monitor ${name} 127.0.0.1 ${masterPort} ${quorum}`,
      `down-after-milliseconds ${name} ${downAfter}`,
      `failover-timeout ${name} ${failoverTimeout}`,
      `parallel-syncs ${name} ${Math.max(1, replicas)}`,
      ...(login === undefined ? [] : [`auth-pass ${name} ${quoted(login.password)}`]),
      ...(login?.user === undefined ? [] : [`auth-user ${name} ${login.user}`]),
      ...(options.sentinelPassword === undefined ? [] : [`sentinel-pass ${quoted(options.sentinelPassword)}`]),
    ],
  })
}
