import { resolve } from 'node:path'
import { claimPort } from '../port/port-claim.ts'
import { startProxy } from '../proxy/fault-proxy.ts'
import { type ServerTls, serverTls } from '../tls/server-tls.ts'
import { findRedisServer } from './find-redis-server.ts'
import { type Folder, keptFolder, temporaryFolder } from './folder.ts'
import { authWords, type Login, maintained } from './login.ts'
import { type Directives, type RedisOptions, type Role, redisConfiguration } from './redis-configuration.ts'
import type { RedisProcess } from './redis-process.ts'
import { createRun, writeConfiguration } from './redis-run.ts'
import { runningServer, targetOf } from './running-server.ts'
import { explained, isTaken } from './taken-port.ts'

/** A server as part of a topology. */
export interface ServerSpec {
  /** In messages. Default `redis-server`. */
  readonly name?: string
  /** Default `data`. */
  readonly role?: Role
  /** Instead of what the options would make: the servers of a topology share it. */
  readonly shared?: { readonly tls: ServerTls | undefined; readonly login: Login | undefined }
  /** Holds the data files instead of the server's folder. */
  readonly dataDir?: string
  /** Lines of redis.conf, once it is known where clients will find the server. */
  directives?(clientPort: number): Directives
}

/** What proxied servers speak to each other from, so that the proxies can tell. Linux has the address by itself. */
const serversOwnAddress = process.platform === 'linux' ? '127.0.0.2' : undefined

/** Starts one server, alone or as part of a topology. @throws Error as `startRedis` says */
export async function startServer(given: RedisOptions, spec: ServerSpec = {}): Promise<RedisProcess> {
  if (given.tls && given.socket) throw new Error('TLS needs a port: leave out the option "socket" or the option "tls"')
  const { options, login } = spec.shared ? { options: given, login: spec.shared.login } : maintained(given)
  const binary = await redisServer(options.binary)
  const folder = await (options.dir === undefined ? temporaryFolder('redis') : keptFolder(options.dir))
  const choosePort = !options.socket && options.port === undefined
  try {
    const tls = spec.shared ? spec.shared.tls : options.tls && (await serverTls(options.tls, folder.path))
    const setting = { options, spec, binary, folder, tls: tls || undefined, login }
    for (let attempt = 1; ; attempt++) {
      try {
        return await startOnce(setting, choosePort)
      } catch (error) {
        // Someone took the port between the claim and the use.
        if (choosePort && attempt < 20 && isTaken(error)) continue
        throw await explained(error, options.port ?? 0)
      }
    }
  } catch (error) {
    await folder.close()
    throw error
  }
}

interface Setting {
  readonly options: RedisOptions
  readonly spec: ServerSpec
  readonly binary: string
  readonly folder: Folder
  readonly tls: ServerTls | undefined
  readonly login: Login | undefined
}

async function startOnce({ options, spec, binary, folder, tls, login }: Setting, choosePort: boolean) {
  const { name = 'redis-server', role = 'data', dataDir = folder.path } = spec
  const { path: dir, guardian } = folder
  const { socket, proxied, password, users = [], readyWithin = 15_000 } = options
  const socketPath = socket ? resolve(dir, socket === true ? 'redis.sock' : socket) : undefined
  const claim = choosePort ? await claimPort() : undefined
  const port = claim?.port ?? (socketPath === undefined ? (options.port ?? 0) : 0)
  const exempt = proxied === true ? serversOwnAddress : undefined
  const proxy = proxied ? await startProxy({ to: socketPath ?? port, ...(exempt && { exempt }) }) : undefined

  const run = createRun({ name, binary, role, dir, guardian, readyWithin })
  const parts = { run, folder, claim, proxy, port, socketPath, tls, login, password, users }
  try {
    const further = { ...(exempt && { 'bind-source-addr': exempt }), ...spec.directives?.(proxy?.port ?? port) }
    await writeConfiguration(dir, redisConfiguration(options, { port, socketPath, tls, dataDir }, role, further))
    await run.start({ target: targetOf(parts), login: login && authWords(login) })
    return runningServer(parts)
  } catch (error) {
    await proxy?.close()
    claim?.release()
    throw error
  }
}

async function redisServer(name: string | undefined): Promise<string> {
  const binary = await findRedisServer(name)
  if (binary !== undefined) return binary.path
  throw new Error(
    `no ${name ?? 'redis-server'} that runs was found: install Redis ` +
      '(apt-get install redis-server, dnf install redis, apk add redis, brew install redis) or pass "binary"',
  )
}
