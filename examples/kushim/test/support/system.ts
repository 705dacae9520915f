import { type RedisProcess, startRedis } from '@keyplan/local'
import { type Database, openDatabase } from '../../dist/database/database.js'
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../../dist/database/embedded.js'
import { type InstanceUnderTest, startInstance } from './instance.ts'

/** A Redis, a database and two instances. */
export interface System {
  readonly redis: RedisProcess
  readonly database: Database
  readonly databaseUrl: string
  readonly instances: readonly [InstanceUnderTest, InstanceUnderTest]
  stop(): Promise<void>
}

/** @param viaProxy where the first instance finds the database, given where it is */
export async function startSystem(viaProxy: (url: string) => Promise<string> = async url => url): Promise<System> {
  const started: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end()
  }
  try {
    const redis = await startRedis({ appendonly: true })
    started.push(redis.cleanUp)
    const embedded: EmbeddedDatabase = await startEmbeddedDatabase({ port: 0, dataFolder: undefined })
    started.push(embedded.stop)
    const database = openDatabase({ url: embedded.url, embedded: true })
    started.push(database.close)
    const proxied = await viaProxy(embedded.url)
    const instances = await Promise.all([
      startInstance({ REDIS_URL: redis.url, KUSHIM_EMBEDDED_URL: proxied }),
      startInstance({ REDIS_URL: redis.url, KUSHIM_EMBEDDED_URL: embedded.url }),
    ])
    started.push(async () => {
      await Promise.all(instances.map(instance => instance.stop()))
    })
    return { redis, database, databaseUrl: embedded.url, instances, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
