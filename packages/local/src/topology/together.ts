import { type Folder, temporaryFolder } from '../server/folder.ts'
import { type Login, maintained } from '../server/login.ts'
import type { RedisOptions, ServerOptions } from '../server/redis-configuration.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import { type ServerSpec, startServer } from '../server/start-server.ts'
import { type ServerTls, serverTls } from '../tls/server-tls.ts'

/** The servers of a topology while it grows: one authority, one login, and one end for all. */
export interface Together {
  readonly tls: ServerTls | undefined
  readonly login: Login | undefined
  /** Starts servers at once. When one of them cannot be started, the others are still part of this and end with it. */
  start(specs: readonly ServerSpec[], change?: RedisOptions): Promise<RedisProcess[]>
  end(): Promise<void>
}

/**
 * Lets `grow` start servers and gives back what it makes of them. Where it fails, everything it had started is gone
 * before this rejects.
 */
export async function together<T>(given: ServerOptions, grow: (together: Together) => Promise<T>): Promise<T> {
  const { options, login } = maintained(given)
  const servers: RedisProcess[] = []
  let folder: Folder | undefined
  const end = async () => {
    await Promise.all(servers.map(server => server.cleanUp()))
    await folder?.close()
  }
  try {
    folder = options.tls ? await temporaryFolder('tls') : undefined
    const tls = options.tls && folder ? await serverTls(options.tls, folder.path) : undefined
    return await grow({
      tls,
      login,
      async start(specs, change) {
        const starting = specs.map(spec => startServer({ ...options, ...change }, { shared: { tls, login }, ...spec }))
        const ends = await Promise.allSettled(starting)
        for (const one of ends) if (one.status === 'fulfilled') servers.push(one.value)
        for (const one of ends) if (one.status === 'rejected') throw one.reason
        return Promise.all(starting)
      },
      end,
    })
  } catch (error) {
    await end()
    throw error
  }
}
