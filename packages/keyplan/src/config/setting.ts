import type { ConnectionOptions } from 'node:tls'
import type { RedisUrl } from './url.ts'

/** The requirement documents whose names are understood, and this project's own additions to them. */
export type Document =
  | 'awareness-network'
  | 'developer-mesh'
  | 'higherself'
  | 'kushim'
  | 'universal-ai-tools'
  | 'keyplan'

/** What a bare number of a variable counts, as its document has it. */
export type Unit = 'ms' | 's'

/** Gives a secret when it is needed: a value that is printed by accident prints no more than a function. */
export type Secret = () => string | Promise<string>

/** What a value is, once it is read. */
export interface Kinds {
  text: string
  /** A path to a file, which is read when it is needed. */
  file: string
  secret: Secret
  flag: boolean
  /** Milliseconds. */
  duration: number
  /** A whole number from 1 up. */
  count: number
  /** A whole number from 0 up. */
  amount: number
  port: number
  database: number
  /** Bytes. */
  size: number
  url: RedisUrl
  /** `host:port`, the path of a socket, or a URL. */
  server: RedisUrl
  servers: readonly RedisUrl[]
  choice: string
  words: readonly string[]
  map: Readonly<Record<string, string>>
  /** Node's own TLS options, from code only. */
  tls: ConnectionOptions & { readonly insecureSkipVerify?: boolean | undefined }
  /** Kept as it is written. */
  tree: unknown
}

/** One setting: what it is, and every name under which it is known. */
export interface Setting {
  /** Where it stands in a configuration file. Below `redis` it may also stand below `servers.cache` and `servers.durable`. */
  readonly path: string
  readonly kind: keyof Kinds
  readonly choices?: readonly string[]
  /** Its name among the options of `connect`. */
  readonly option?: string
  /** Environment variables, the one that counts first. */
  readonly env?: Readonly<Record<string, { readonly unit?: Unit; readonly of: readonly Document[] }>>
  /** The documents that write it in a file. */
  readonly of?: readonly Document[]
  /** As it is written in a file. */
  readonly default?: string
  /**
   * What is done with it, where that is not simply obeyed. `server`: kept for the server's own configuration. `plan`: a
   * plan declares it, and the lines are printed. `none`: answered by its sentence, and otherwise without effect. `code`:
   * an option of `connect` alone.
   */
  readonly effect?: 'server' | 'plan' | 'none' | 'code'
  readonly means: string
}
