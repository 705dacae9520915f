import { setTimeout as sleep } from 'node:timers/promises'
import { findRedisServer, type RedisProcess, startRedis } from '@keyplan/local'
import { provideDataFolder } from '../data-folder.ts'
import type { Log } from '../log.ts'
import { namedRedis } from './named-redis.ts'

export interface LaunchedRedis {
  /** For a person. */
  readonly where: string
  /** The command that shows its keys, where one does. */
  readonly look: string | undefined
  /** What the instances have to be told besides what the environment says. */
  readonly variables: Readonly<Record<string, string>>
  stop(): Promise<void>
}

export interface LaunchRedisOptions {
  /** The environment. */
  readonly variables: NodeJS.ProcessEnv
  readonly dataFolder: string | undefined
  /** KUSHIM_REDIS_SERVER. */
  readonly binary: string | undefined
  readonly log: Log
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

/** The path of a server that is new enough; otherwise says why there is none. */
async function findBinary(named: string | undefined, log: Log): Promise<string | undefined> {
  const found = await findRedisServer(named)
  if (found && Number.parseInt(found.version, 10) >= oldestMajor) return found.path
  const old = found && `${found.path} is Redis ${found.version}, and ${oldestMajor}.0 or newer is needed`
  log(
    named
      ? `[Kushim] KUSHIM_REDIS_SERVER names no redis-server to use: ${old ?? `${named} is none that runs`}; correct it, or leave it out for the one on the PATH`
      : `[Kushim] ${old ?? 'there is no redis-server on this machine'}; install one, or name it in KUSHIM_REDIS_SERVER`,
  )
  return undefined
}

/**
 * The Redis that the environment names, else a private one that keeps an append-only file; `undefined` if none can be had.
 *
 * @throws StartProblem when KUSHIM_DATA cannot hold its data
 */
export async function launchRedis({
  variables,
  dataFolder,
  binary,
  log,
}: LaunchRedisOptions): Promise<LaunchedRedis | undefined> {
  const named = await namedRedis(variables)
  if (named) return { ...named, variables: {}, stop: async () => {} }
  const path = await findBinary(binary, log)
  if (!path) return undefined
  const place = dataFolder ? { dir: await provideDataFolder(dataFolder, 'redis') } : {}
  const redis = await startRedis({ appendonly: true, binary: path, ...place })
  const leaveAlone = restartWhenKilled(redis, log)
  return {
    where: `127.0.0.1:${redis.port} (started for this run)`,
    look: `redis-cli -h 127.0.0.1 -p ${redis.port} --scan`,
    variables: { REDIS_URL: redis.url },
    async stop() {
      leaveAlone()
      await redis.stop()
      await redis.cleanUp()
    },
  }
}
