import { createContextService } from './context/context-service.ts'
import { contextRoutes } from './context/routes.ts'
import { openDatabase } from './database/database.ts'
import { startEmbeddedDatabase } from './database/embedded.ts'
import { createSchema } from './database/schema.ts'
import { whenReachable } from './database/when-reachable.ts'
import type { Environment } from './environment.ts'
import { healthRoutes } from './health/routes.ts'
import { explain } from './http/explain.ts'
import { listenProblem, requireFree } from './http/listen-problem.ts'
import { startHttpServer } from './http/server.ts'
import type { Log } from './log.ts'
import { platformRoutes } from './platforms/routes.ts'
import { profileRoutes } from './profiles/routes.ts'
import { createIngestion } from './records/ingestion.ts'
import { recordRoutes } from './records/routes.ts'
import { createChanges } from './redis/changes.ts'
import { startRedisService } from './redis/redis-service.ts'

export interface Instance {
  readonly url: string
  /** Answers what is under way, then lets go of everything. */
  close(): Promise<void>
}

async function findDatabase({ databaseUrl, embeddedUrl, embeddedPort, dataFolder }: Environment) {
  if (databaseUrl) return { url: databaseUrl, embedded: false, variable: 'DATABASE_URL' }
  const url = embeddedUrl ?? (await startEmbeddedDatabase({ port: embeddedPort, dataFolder })).url
  return { url, embedded: true, variable: 'KUSHIM_EMBEDDED_PORT' }
}

/** An address of IPv6 stands in brackets in a URL. */
const urlOf = (host: string, port: number) => `http://${host.includes(':') ? `[${host}]` : host}:${port}`

/** One API instance: the parts, put together. @throws whatever keeps one of them from starting; nothing stays open then */
export async function startInstance(environment: Environment, log: Log): Promise<Instance> {
  const opened: (() => Promise<void>)[] = []
  const close = async () => {
    for (const letGo of opened.splice(0).reverse()) await letGo()
  }
  try {
    const address = { host: environment.host, port: environment.port, variable: 'PORT' }
    await requireFree(address)
    const { variable, ...place } = await findDatabase(environment)
    const database = openDatabase(place)
    opened.push(database.close)
    await whenReachable(database, { variable, log }, () => createSchema(database))
    const redis = await startRedisService(log)
    opened.push(redis.close)
    const changes = createChanges({ database, redis, log })
    opened.push(changes.close)
    const parts = { database, redis: redis.client, changes, log }
    const server = await startHttpServer({
      ...address,
      log,
      explain,
      routes: [
        ...recordRoutes(createIngestion(parts)),
        ...contextRoutes(createContextService(parts)),
        ...profileRoutes(parts),
        ...platformRoutes(parts),
        ...healthRoutes({ database, redis }),
      ],
    }).catch(async error => {
      throw await listenProblem(error, address)
    })
    opened.push(server.close)
    return { url: urlOf(address.host, server.port), close }
  } catch (error) {
    await close()
    throw error
  }
}
