import type { FaultProxy } from '../proxy/fault-proxy.ts'
import type { ServerTls } from '../tls/server-tls.ts'
import type { RespConnection, RespOptions } from './resp-connection.ts'
import type { RespReply } from './resp-reply.ts'

/** A redis-server of one's own. It never outlives this process and never keeps it alive. */
export interface RedisProcess extends AsyncDisposable {
  /** What clients use: with the password where there is one, and past the proxy where there is one. `unix://…` for a socket. */
  readonly url: string
  /** The same for one of the `users` it was started with. @throws Error when there is no such user. */
  urlAs(user: string): string
  /** The server's own. 0 when it listens on a unix socket. */
  readonly port: number
  readonly socketPath: string | undefined
  /** Before the server, when it was started `proxied`. */
  readonly proxy: FaultProxy | undefined
  readonly tls: ServerTls | undefined
  readonly dir: string
  /** Undefined while it is not running. */
  readonly pid: number | undefined
  readonly running: boolean
  /** A connection straight to the server, not through its proxy, that may do everything. */
  connect(options?: RespOptions): Promise<RespConnection>
  /**
   * Asks one command on such a connection and closes it.
   *
   * @throws Error for an error reply, and when there is no reply within 5 s.
   */
  ask(...words: readonly string[]): Promise<Exclude<RespReply, Error>>
  /** The last lines that the present run, or the last one, has logged. Default 20. */
  log(lines?: number): string[]
  /** Ends it without a chance to save, and resolves once it is gone. Default SIGKILL. */
  kill(signal?: 'SIGKILL' | 'SIGABRT' | 'SIGSEGV'): Promise<void>
  /** Lets it finish and save, at most 5 s, then kills it. */
  stop(): Promise<void>
  /** Starts it again on the same port and folder, stopping it first where it runs. Resolves when it is ready. */
  restart(): Promise<void>
  /** Stops it in its tracks (SIGSTOP): connections stay open, nothing is answered. */
  pause(): Promise<void>
  resume(): void
  /** Kills it, closes its proxy, and removes the folder if that was a temporary one. May be called again. */
  cleanUp(): Promise<void>
}
