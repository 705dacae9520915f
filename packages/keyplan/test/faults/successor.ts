import type { RedisProcess, SentinelTopology } from '@keyplan/local'
import { until } from '../live-server.ts'

/** Waits until the Sentinels name another master than the old one: clients may know of it some moments earlier. */
export const successorOf = (topology: SentinelTopology, old: RedisProcess): Promise<RedisProcess> =>
  until(async () => {
    const master = await topology.master()
    return master !== old && master
  }) as Promise<RedisProcess>
