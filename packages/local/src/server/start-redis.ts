import type { RedisOptions } from './redis-configuration.ts'
import type { RedisProcess } from './redis-process.ts'
import { startServer } from './start-server.ts'

/**
 * Starts a standalone redis-server and resolves when it really serves: it answers PING and has loaded its data.
 * The configuration is a file only this user can read; nothing secret is in the arguments of a process.
 *
 * @throws Error when there is no redis-server, when the port is taken (naming who holds it), or when the server ends
 * or stays silent for `readyWithin` (with its last log lines).
 */
export function startRedis(options: RedisOptions = {}): Promise<RedisProcess> {
  return startServer(options)
}
