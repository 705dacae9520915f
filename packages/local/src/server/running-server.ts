import type { PortClaim } from '../port/port-claim.ts'
import type { FaultProxy } from '../proxy/fault-proxy.ts'
import { type ServerTls, unverified } from '../tls/server-tls.ts'
import type { AclUser } from './acl-user.ts'
import { askOnce } from './ask-once.ts'
import type { Folder } from './folder.ts'
import { authWords, type Login } from './login.ts'
import type { RedisProcess } from './redis-process.ts'
import type { Run } from './redis-run.ts'
import { connectResp, type RespTarget, spelled } from './resp-connection.ts'
import { serverUrl } from './server-url.ts'
import { explained } from './taken-port.ts'

const askWithin = 5_000

/** Where a server listens and how. */
export interface Address {
  /** 0 when it listens on a unix socket. */
  readonly port: number
  readonly socketPath: string | undefined
  readonly tls: ServerTls | undefined
}

/** What a server that was started is made of. */
export interface ServerParts extends Address {
  readonly run: Run
  readonly folder: Folder
  readonly claim: PortClaim | undefined
  readonly proxy: FaultProxy | undefined
  readonly login: Login | undefined
  readonly password: string | undefined
  readonly users: readonly AclUser[]
}

export function targetOf({ port, socketPath, tls }: Address): RespTarget {
  if (socketPath !== undefined) return { path: socketPath }
  return tls === undefined ? { port } : { port, tls: unverified(tls) }
}

export function runningServer(parts: ServerParts): RedisProcess {
  const { run, folder, claim, proxy, port, socketPath, tls, login, password, users } = parts
  const target = targetOf(parts)
  const auth = login && authWords(login)
  const resume = {}
  const urlFor = (of: Login | undefined) => {
    const onSocket = socketPath !== undefined && proxy === undefined
    return serverUrl(onSocket ? { socketPath } : { ports: [proxy?.port ?? port], tls: tls !== undefined }, of)
  }
  const cleanUp = async () => {
    await proxy?.close()
    await run.kill('SIGKILL')
    await folder.close()
    claim?.release()
  }
  const server: RedisProcess = {
    url: urlFor(password === undefined ? undefined : { password }),
    urlAs(name) {
      const user = users.find(user => user.name === name)
      if (user === undefined) throw new Error(`no user "${name}" is in the option "users" of this server`)
      return urlFor({ user: name, password: user.password ?? '' })
    },
    port,
    socketPath,
    proxy,
    tls,
    dir: folder.path,
    get pid() {
      return run.pid
    },
    get running() {
      return run.pid !== undefined
    },
    async connect(options) {
      const connection = await connectResp(target, { resume, ...options })
      if (auth === undefined) return connection
      const words = auth.map(word => spelled(word, options?.encoding ?? 'utf8'))
      const reply = await connection.ask('AUTH', ...words)
      if (!(reply instanceof Error)) return connection
      connection.close()
      throw reply
    },
    ask: (...words) => askOnce(server, askWithin, words),
    log: run.log,
    kill: (signal = 'SIGKILL') => run.kill(signal),
    stop: run.stop,
    async restart() {
      await run.stop()
      try {
        await run.start({ target, login: auth })
      } catch (error) {
        throw await explained(error, port)
      }
    },
    pause: run.pause,
    resume: run.resume,
    cleanUp,
    [Symbol.asyncDispose]: cleanUp,
  }
  return server
}
