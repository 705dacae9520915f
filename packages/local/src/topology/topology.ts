import type { RedisProcess } from '../server/redis-process.ts'
import type { ServerTls } from '../tls/server-tls.ts'

/** Servers that belong together, started and ended as one. */
export interface Topology extends AsyncDisposable {
  /** Where a client begins. */
  readonly url: string
  /** What to set for an application that is to use it, by the name of the environment variable. */
  readonly environment: Readonly<Record<string, string>>
  /** Every server, Sentinels included, to kill, pause and restart one by one. */
  readonly nodes: readonly RedisProcess[]
  readonly tls: ServerTls | undefined
  /** Resolves when it is whole, as it was when it was handed over. @throws Error that says what is missing after 30 s. */
  settled(): Promise<void>
  /** Ends every server and removes what they kept. May be called again. */
  stop(): Promise<void>
}

/** The port of a server that clients know. */
export function clientPort({ proxy, port }: RedisProcess): number {
  return proxy?.port ?? port
}

/** The variables that every topology has: its URL, and the files of TLS. */
export function commonEnvironment(url: string, tls: ServerTls | undefined): Record<string, string> {
  return {
    REDIS_URL: url,
    // The nodes of a cluster are listed without a scheme that would ask for it.
    ...(tls && { REDIS_TLS_ENABLED: 'true', REDIS_TLS_CA_FILE: tls.authority.file }),
    ...(tls?.client && {
      REDIS_TLS_CERT_FILE: tls.client.certificateFile,
      REDIS_TLS_KEY_FILE: tls.client.keyFile,
    }),
  }
}
