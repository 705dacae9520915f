import { createContextService } from './context/context-service.ts'
import { contextRoutes } from './context/routes.ts'
import { openDatabase } from './database/database.ts'
import { startEmbeddedDatabase } from './database/embedded.ts'
import { createSchema } from './database/schema.ts'
import type { Environment } from './environment.ts'
import { healthRoutes } from './health/routes.ts'
import { explain } from './http/explain.ts'
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
  if (databaseUrl) return { url: databaseUrl, embedded: false }
  if (embeddedUrl) return { url: embeddedUrl, embedded: true }
  const { url } = await startEmbeddedDatabase({ port: embeddedPort, dataFolder })
  return { url, embedded: true }
}

/** One API instance: the parts, put together. @throws whatever keeps one of them from starting; nothing stays open then */
export async function startInstance(environment: Environment, log: Log): Promise<Instance> {
  const opened: (() => Promise<void>)[] = []
  const close = async () => {
    for (const letGo of opened.splice(0).reverse()) await letGo()
  }
  try {
    const database = openDatabase(await findDatabase(environment))
    opened.push(database.close)
    await createSchema(database)
    const redis = await startRedisService(environment.redisUrl, log)
    opened.push(redis.close)
    const changes = createChanges({ database, redis, log })
    opened.push(changes.close)
    const parts = { database, redis: redis.client, changes, log }
    const server = await startHttpServer({
      host: environment.host,
      port: environment.port,
      log,
      explain,
      routes: [
        ...recordRoutes(createIngestion(parts)),
        ...contextRoutes(createContextService(parts)),
        ...profileRoutes(parts),
        ...platformRoutes(parts),
        ...healthRoutes({ database, redis }),
      ],
    })
    opened.push(server.close)
    return { url: `http://${environment.host}:${server.port}`, close }
  } catch (error) {
    await close()
    throw error
  }
}
