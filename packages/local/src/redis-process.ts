import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { findRedisServer } from './find-redis-server.ts'
import { freePort } from './free-port.ts'
import { portHolder } from './port-holder.ts'
import { type RedisOptions, redisConfiguration } from './redis-configuration.ts'
import { createRun, type Run, StartFailure, writeConfiguration } from './redis-run.ts'
import type { RespTarget } from './resp-connection.ts'

/** A redis-server of one's own. It never outlives this process and never keeps it alive. */
export interface RedisProcess extends AsyncDisposable {
  /** With the password, where there is one. `unix://…` for a socket. */
  readonly url: string
  /** 0 when it listens on a unix socket. */
  readonly port: number
  readonly socketPath: string | undefined
  readonly dir: string
  /** Undefined while it is not running. */
  readonly pid: number | undefined
  readonly running: boolean
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
  /** Kills it and removes the folder if that was a temporary one. May be called again. */
  cleanUp(): Promise<void>
}

/**
 * Starts a standalone redis-server and resolves when it really serves: it answers PING and has loaded its data.
 * The configuration is a file only this user can read; nothing secret is in the arguments of a process.
 *
 * @throws Error when there is no redis-server, when the port is taken (naming who holds it), or when the server ends
 * or stays silent for `readyWithin` (with its last log lines).
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisProcess> {
  const binary = await findRedisServer(options.binary)
  if (binary === undefined) {
    throw new Error(
      `no ${options.binary ?? 'redis-server'} that runs was found: install Redis ` +
        '(apt-get install redis-server, dnf install redis, apk add redis, brew install redis) or pass "binary"',
    )
  }
  const temporary = options.dir === undefined
  const dir = temporary ? await mkdtemp(join(tmpdir(), 'keyplan-redis-')) : resolve(options.dir ?? '')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const socketPath = options.socket ? resolve(dir, options.socket === true ? 'redis.sock' : options.socket) : undefined

  const run = createRun({
    binary: binary.path,
    dir,
    temporary,
    password: options.password,
    readyWithin: options.readyWithin ?? 15_000,
  })
  const choosePort = socketPath === undefined && options.port === undefined
  let port = socketPath === undefined ? (options.port ?? 0) : 0

  try {
    for (let attempt = 1; ; attempt++) {
      if (choosePort) port = await freePort()
      await writeConfiguration(dir, redisConfiguration(options, { port, socketPath, dir }))
      try {
        await run.start(targetOf(port, socketPath))
        break
      } catch (error) {
        // Someone took the port between the look and the use: parallel test files do.
        if (choosePort && attempt < 20 && isTaken(error)) continue
        throw await explained(error, port)
      }
    }
  } catch (error) {
    if (temporary) await rm(dir, { recursive: true, force: true })
    throw error
  }
  return redisProcess(run, { port, socketPath, dir, temporary, password: options.password })
}

interface Place {
  readonly port: number
  readonly socketPath: string | undefined
  readonly dir: string
  readonly temporary: boolean
  readonly password: string | undefined
}

function redisProcess(run: Run, place: Place): RedisProcess {
  const { port, socketPath, dir, temporary, password } = place
  const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`

  const cleanUp = async () => {
    await run.kill('SIGKILL')
    if (temporary) await rm(dir, { recursive: true, force: true })
  }
  return {
    url: socketPath === undefined ? `redis://${credentials}127.0.0.1:${port}` : `unix://${credentials}${socketPath}`,
    port,
    socketPath,
    dir,
    get pid() {
      return run.pid
    },
    get running() {
      return run.pid !== undefined
    },
    log: run.log,
    kill: (signal = 'SIGKILL') => run.kill(signal),
    stop: run.stop,
    async restart() {
      await run.stop()
      try {
        await run.start(targetOf(port, socketPath))
      } catch (error) {
        throw await explained(error, port)
      }
    },
    pause: run.pause,
    resume: run.resume,
    cleanUp,
    [Symbol.asyncDispose]: cleanUp,
  }
}

function targetOf(port: number, socketPath: string | undefined): RespTarget {
  return socketPath === undefined ? { port } : { path: socketPath }
}

function isTaken(error: unknown): boolean {
  return error instanceof StartFailure && error.log.some(line => /address already in use/i.test(line))
}

async function explained(error: unknown, port: number): Promise<unknown> {
  if (!isTaken(error)) return error
  const holder = await portHolder(port)
  const who = holder === undefined ? 'another process' : `${holder.command} (pid ${holder.pid})`
  return new Error(`port ${port} is taken by ${who}: stop it, or choose another port`)
}
