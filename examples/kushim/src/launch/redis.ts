import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findRedisServer, type RedisProcess, startRedis } from '@keyplan/local'
import type { Log } from '../log.ts'

export interface LaunchedRedis {
  readonly url: string
  /** Started here, and to be stopped here. */
  readonly own: boolean
  stop(): Promise<void>
}

const oldestMajor = 7
const lookEveryMs = 200
const restartAfterMs = 5_000

/** Starts a server that was killed again, after a while in which the instances can be watched without it. */
function restartWhenKilled(redis: RedisProcess, log: Log): () => void {
  let watching = true
  const watch = async () => {
    while (watching) {
      await sleep(lookEveryMs, undefined, { ref: false })
      if (!watching || redis.running) continue
      log(`[Kushim] Redis was ended; it is started again in ${restartAfterMs / 1_000} s`)
      await sleep(restartAfterMs, undefined, { ref: false })
      if (watching) await redis.restart()
    }
  }
  watch().catch(error => log(`[Kushim] Redis could not be started again: ${error.message}`))
  return () => {
    watching = false
  }
}

/** The server that REDIS_URL names, else a private one that keeps an append-only file; `undefined` if none can be had. */
export async function launchRedis(
  url: string | undefined,
  dataFolder: string | undefined,
  binary: string | undefined,
  log: Log,
): Promise<LaunchedRedis | undefined> {
  if (url) return { url, own: false, stop: async () => {} }
  const found = await findRedisServer(binary)
  if (!found || Number.parseInt(found.version, 10) < oldestMajor) return undefined
  const dir = dataFolder && join(dataFolder, 'redis')
  if (dir) await mkdir(dir, { recursive: true })
  const redis = await startRedis({ appendonly: true, ...(dir ? { dir } : {}), ...(binary ? { binary } : {}) })
  const leaveAlone = restartWhenKilled(redis, log)
  return {
    url: redis.url,
    own: true,
    async stop() {
      leaveAlone()
      await redis.stop()
      await redis.cleanUp()
    },
  }
}
