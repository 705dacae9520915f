import { startEmbeddedDatabase } from '../database/embedded.ts'
import { readEnvironment, readPorts } from '../environment.ts'
import type { Log } from '../log.ts'
import { banner } from './banner.ts'
import { type InstanceProcess, startInstanceProcess } from './children.ts'
import { requireFreePorts } from './ports.ts'
import { launchRedis } from './redis.ts'

export interface Launched {
  /** Resolves with what went wrong when something that must run has ended. */
  readonly broken: Promise<string>
  stop(): Promise<void>
}

/** Starts Redis, the database and the instances, in this order, and says what runs where. */
export async function launch(variables: NodeJS.ProcessEnv, log: Log): Promise<Launched> {
  const environment = readEnvironment({ ...variables, PORT: undefined })
  const ports = readPorts(variables)
  const started: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end()
  }
  try {
    await requireFreePorts(environment.host, ports)
    const redis = await launchRedis(environment.redisUrl, environment.dataFolder, variables.KUSHIM_REDIS_SERVER, log)
    if (redis) started.push(redis.stop)
    else log('[Kushim] no redis-server 7.0 or newer was found on this machine, so one instance runs, in memory')

    const embedded = environment.databaseUrl
      ? undefined
      : await startEmbeddedDatabase({ port: 0, dataFolder: environment.dataFolder })
    if (embedded) started.push(embedded.stop)

    const instances: InstanceProcess[] = (redis ? ports : ports.slice(0, 1)).map(port =>
      startInstanceProcess(
        `api-${port}`,
        { PORT: String(port), REDIS_URL: redis?.url ?? '', KUSHIM_EMBEDDED_URL: embedded?.url ?? '' },
        log,
      ),
    )
    started.push(async () => {
      await Promise.all(instances.map(instance => instance.stop()))
    })
    const urls = await Promise.all(instances.map(({ listening }) => listening))
    const at = redis && new URL(redis.url)
    log(
      banner({
        urls,
        redis: redis && at && { own: redis.own, host: at.hostname, port: at.port || '6379' },
        database: embedded
          ? `embedded PostgreSQL (PGlite) at ${new URL(embedded.url).host}`
          : 'PostgreSQL (DATABASE_URL)',
        data: environment.dataFolder ?? 'kept until Ctrl-C; set KUSHIM_DATA=<folder> to keep it',
      }),
    )
    return {
      broken: Promise.race(instances.map(({ name, ended }) => ended.then(how => `${name} ended ${how}`))),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
