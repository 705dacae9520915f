import { findRedisServer, startStandalone, type Topology, type TopologyName, topologies } from '@keyplan/local'
import { KeyplanError } from 'keyplan'

export interface ServersOptions {
  readonly topology: TopologyName
  readonly tls: boolean
  /** Of a standalone server. Default: any free one. */
  readonly port: number | undefined
  /** A name or a path. Default: `redis-server`. */
  readonly program: string | undefined
}

const oldestMajor = 7

/**
 * Starts servers of this machine's redis-server.
 *
 * @throws KeyplanError UNSUPPORTED with the remedy; nothing runs then
 */
export async function startServers({ topology, tls, port, program }: ServersOptions): Promise<Topology> {
  const found = await findRedisServer(program)
  if (found === undefined) {
    throw new KeyplanError(
      'UNSUPPORTED',
      `${program ? `${program} is no redis-server that runs` : 'there is no redis-server on this machine'}: ` +
        'install Redis 7.0 or newer (apt-get install redis-server, dnf install redis, apk add redis, brew install redis)',
    )
  }
  if (Number.parseInt(found.version, 10) < oldestMajor) {
    throw new KeyplanError('UNSUPPORTED', `${found.path} is Redis ${found.version}: install 7.0 or newer`)
  }
  // Who kills a server to see what the application does wants its data back with it.
  const options = { tls, binary: found.path, appendonly: true }
  try {
    return await (port === undefined ? topologies[topology].start(options) : startStandalone({ ...options, port }))
  } catch (error) {
    throw new KeyplanError('UNSUPPORTED', error instanceof Error ? error.message : String(error), { cause: error })
  }
}
