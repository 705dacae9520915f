import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Log } from '../log.ts'
import { StartProblem } from '../start-problem.ts'

export interface InstanceProcess {
  readonly name: string
  readonly pid: number
  /** Where it listens. Rejects when it ends before it does. */
  readonly listening: Promise<string>
  /** Resolves when it is gone, with how it ended. */
  readonly ended: Promise<string>
  /** Asks it to finish, and kills it if it has not within 6 s. */
  stop(): Promise<void>
}

const stopMs = 6_000

function relay(child: ChildProcess, name: string, log: Log): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', line => log(`${name} | ${line}`))
  }
}

/** Starts one API instance as a process, its log lines marked with its name. It ends when this process does. */
export function startInstanceProcess(name: string, variables: NodeJS.ProcessEnv, log: Log): InstanceProcess {
  const script = fileURLToPath(new URL('../main.js', import.meta.url))
  // The channel tells us where it listens, and tells it when we are gone.
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  relay(child, name, log)
  const exit = once(child, 'exit')
  const ended = exit.then(([code, signal]) => (signal ? `by ${signal}` : `with exit code ${code}`))
  const listening = new Promise<string>((resolve, reject) => {
    child.on('message', message => resolve((message as { listening: string }).listening))
    const tooEarly = async () => {
      const [code] = await exit
      // Its own exit code, since it has said why.
      reject(new StartProblem(`${name} ended ${await ended} before it listened`, code ?? 70))
    }
    tooEarly().catch(reject)
  })
  return {
    name,
    pid: child.pid ?? 0,
    listening,
    ended,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
      await ended.finally(() => clearTimeout(timer))
    },
  }
}
