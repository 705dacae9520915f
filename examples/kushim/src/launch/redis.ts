import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findRedisServer, startRedis } from '@keyplan/local'

export interface LaunchedRedis {
  readonly url: string
  /** Started here, and to be stopped here. */
  readonly own: boolean
  stop(): Promise<void>
}

/** The server that REDIS_URL names, else a private one that keeps an append-only file; `undefined` if none can be had. */
export async function launchRedis(
  url: string | undefined,
  dataFolder: string | undefined,
  binary: string | undefined,
): Promise<LaunchedRedis | undefined> {
  if (url) return { url, own: false, stop: async () => {} }
  if (!(await findRedisServer(binary))) return undefined
  const dir = dataFolder && join(dataFolder, 'redis')
  if (dir) await mkdir(dir, { recursive: true })
  const redis = await startRedis({ appendonly: true, ...(dir ? { dir } : {}), ...(binary ? { binary } : {}) })
  return {
    url: redis.url,
    own: true,
    async stop() {
      await redis.stop()
      await redis.cleanUp()
    },
  }
}
