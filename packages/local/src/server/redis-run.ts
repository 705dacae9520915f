import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Guardian, killGroup } from './guardian.ts'
import { isReady, type Question } from './readiness.ts'
import { type Role, withoutSecrets } from './redis-configuration.ts'

const stopWithin = 5_000

/** The server ended or stayed silent instead of becoming ready. */
export class StartFailure extends Error {
  readonly log: readonly string[]

  constructor(what: string, log: readonly string[]) {
    super(`${what}; its last words:\n${log.map(line => `  ${line}`).join('\n') || '  (none)'}`)
    this.name = 'StartFailure'
    this.log = log
  }
}

/** The runs of one server, one after the other, in one folder. */
export interface Run {
  readonly pid: number | undefined
  start(question: Question): Promise<void>
  kill(signal: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
  pause(): Promise<void>
  resume(): void
  log(lines?: number): string[]
}

interface RunOptions {
  /** In messages. */
  readonly name: string
  readonly binary: string
  readonly role: Role
  readonly dir: string
  readonly guardian: Guardian
  readonly readyWithin: number
}

export async function writeConfiguration(dir: string, text: string): Promise<void> {
  const file = join(dir, 'redis.conf')
  // Created anew, because the mode of a file that exists stays as it is.
  await rm(file, { force: true })
  await writeFile(file, text, { mode: 0o600, flag: 'wx' })
}

export function createRun({ name, binary, role, dir, guardian, readyWithin }: RunOptions): Run {
  const logFile = join(dir, 'redis.log')
  const words = [join(dir, 'redis.conf'), ...(role === 'sentinel' ? ['--sentinel'] : [])]
  let child: ChildProcess | undefined

  const log = (lines = 20) => {
    try {
      return withoutSecrets(readFileSync(logFile, 'utf8')).trimEnd().split('\n').slice(-lines)
    } catch {
      return []
    }
  }

  const launch = async (): Promise<ChildProcess> => {
    // A file and not a pipe: a busy event loop here must not block the server while it logs.
    const output = openSync(logFile, 'w', 0o600)
    try {
      // The mask keeps what the server writes from others: a Sentinel rewrites its configuration, passwords included.
      // A session of its own, so that Ctrl-C in the terminal does not end it before its owner is done with it.
      const started = spawn('/bin/sh', ['-c', 'umask 077; exec "$0" "$@"', binary, ...words], {
        cwd: dir,
        detached: true,
        stdio: ['ignore', output, output],
      })
      await once(started, 'spawn')
      guardian.process(started.pid)
      started.unref()
      return started
    } finally {
      closeSync(output)
    }
  }

  const signal = (name: NodeJS.Signals) => child?.kill(name)

  /** Resolves true when the server is gone, false when it is still there after `bound` ms. */
  const gone = async (bound?: number): Promise<boolean> => {
    if (child === undefined) return true
    child.ref()
    const exit = once(child, 'exit').then(() => true)
    if (bound === undefined) return exit
    const timer = new AbortController()
    const tooLate = sleep(bound, false, { signal: timer.signal }).catch(() => false)
    return Promise.race([exit, tooLate]).finally(() => timer.abort())
  }

  const kill = async (name: NodeJS.Signals) => {
    const exit = gone()
    signal(name)
    // A stopped process only heeds SIGKILL until it goes on.
    signal('SIGCONT')
    await exit
  }

  return {
    get pid() {
      return child?.pid
    },
    log,
    async start(question) {
      const started = await launch()
      const pid = started.pid!
      const ended = new AbortController()
      child = started
      started.once('exit', () => {
        guardian.process(undefined)
        child = undefined
        ended.abort()
        // A child of it that was saving.
        killGroup(pid)
      })
      const tooLate = AbortSignal.timeout(readyWithin)
      const within = AbortSignal.any([ended.signal, tooLate])
      for (let pause = 5; !within.aborted; pause = Math.min(pause * 2, 50)) {
        if (await isReady(question, pid, within)) return
        await sleep(pause)
      }
      if (ended.signal.aborted) throw new StartFailure(`${name} ended before it was ready`, log())
      await kill('SIGKILL')
      throw new StartFailure(`${name} was not ready within ${readyWithin} ms`, log())
    },
    kill,
    async stop() {
      const exit = gone(stopWithin)
      signal('SIGTERM')
      signal('SIGCONT')
      if (!(await exit)) await kill('SIGKILL')
    },
    async pause() {
      signal('SIGSTOP')
      while (child?.pid !== undefined && !(await isStopped(child.pid))) await sleep(1)
    },
    resume() {
      signal('SIGCONT')
    },
  }
}

/** The system delivers the signal a moment later. Where there is no /proc to see it in, that moment is not waited for. */
async function isStopped(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return status === undefined || /^T/.test(status.slice(status.lastIndexOf(')') + 2))
}
