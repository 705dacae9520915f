import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisProcess } from '@keyplan/local'

const lookEveryMs = 200
const afterMs = 5_000

/** Starts servers again that were killed, after a while in which an application can be watched without them. */
export interface Revival {
  /** Resolves when none is being started any more. */
  stop(): Promise<void>
}

export function reviveKilled(servers: readonly RedisProcess[], note: (line: string) => void): Revival {
  const stopped = new AbortController()
  const { signal } = stopped
  const watch = async (server: RedisProcess) => {
    for (;;) {
      await sleep(lookEveryMs, undefined, { ref: false, signal })
      if (server.running) continue
      note(`the server on port ${server.port} was ended; it is started again in ${afterMs / 1000} s`)
      await sleep(afterMs, undefined, { ref: false, signal })
      await server.restart()
      note(`the server on port ${server.port} is back (pid ${server.pid})`)
    }
  }
  const watches = servers.map(server =>
    watch(server).catch((error: unknown) => {
      if (!signal.aborted)
        note(`the server on port ${server.port} cannot be started again: ${(error as Error).message}`)
    }),
  )
  return {
    async stop() {
      stopped.abort()
      await Promise.all(watches)
    },
  }
}
