import { once } from 'node:events'
import { startEmbeddedDatabase } from '../database/embedded.ts'
import { readEnvironment, readPorts } from '../environment.ts'
import { requireFree } from '../http/listen-problem.ts'
import type { Log } from '../log.ts'
import { banner } from './banner.ts'
import { startInstanceProcess } from './children.ts'
import { launchRedis } from './redis.ts'

/**
 * Starts Redis, the database and the instances, in this order, and says what runs where. Resolves when all of it has
 * ended: at `ending`, with `undefined`, or because something that must run has ended, with what it was.
 *
 * @throws whatever keeps something from starting; nothing runs then
 */
export async function launch(variables: NodeJS.ProcessEnv, log: Log, ending: AbortSignal): Promise<string | undefined> {
  const environment = readEnvironment({ ...variables, PORT: undefined })
  const ports = readPorts(variables)
  for (const port of ports) await requireFree({ host: environment.host, port, variable: 'KUSHIM_PORTS' })
  const asked = once(ending, 'abort').then(() => undefined)
  const started: (() => Promise<void>)[] = []
  try {
    const { dataFolder } = environment
    const redis = await launchRedis({
      variables,
      dataFolder,
      binary: variables.KUSHIM_REDIS_SERVER?.trim() || undefined,
      log,
    })
    if (redis) started.push(redis.stop)
    if (ending.aborted) return

    const embedded = environment.databaseUrl ? undefined : await startEmbeddedDatabase({ port: 0, dataFolder })
    if (embedded) started.push(embedded.stop)
    if (ending.aborted) return

    const instances = (redis ? ports : ports.slice(0, 1)).map(port =>
      startInstanceProcess(
        `api-${port}`,
        {
          PORT: String(port),
          KUSHIM_EMBEDDED_URL: embedded?.url ?? '',
          // Without one it runs in its own memory, which in production has to be said.
          ...(redis?.variables ?? { ENABLE_REDIS: 'false' }),
        },
        log,
      ),
    )
    started.push(async () => {
      await Promise.all(instances.map(instance => instance.stop()))
    })
    const urls = await Promise.race([asked, Promise.all(instances.map(({ listening }) => listening))])
    if (!urls) return
    log(
      banner({
        urls,
        redis,
        database: embedded
          ? `embedded PostgreSQL (PGlite) at ${new URL(embedded.url).host}`
          : 'PostgreSQL (DATABASE_URL)',
        data: dataFolder ?? 'kept until Ctrl-C; set KUSHIM_DATA=<folder> to keep it',
      }),
    )
    const broken = await Promise.race([
      asked,
      ...instances.map(({ name, ended }) => ended.then(how => `${name} ended ${how}`)),
    ])
    if (broken) log(`[Kushim] ${broken}; ending the rest`)
    return broken
  } catch (error) {
    // What ends because it was told to is no problem, e.g. an instance that met Ctrl-C before it listened.
    if (!ending.aborted) throw error
    return undefined
  } finally {
    for (const end of started.reverse()) await end()
  }
}
