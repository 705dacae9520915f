import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { until } from '../live-server.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('stream-process.mjs', import.meta.url))

export interface Said {
  readonly ready?: string
  readonly begun?: number
  readonly delivery?: number
  readonly handled?: number
  /** The token under which it did what it is for, when nobody had. */
  readonly effect?: string
  readonly gap?: string
  readonly ids?: readonly string[]
  readonly count?: number
  readonly closed?: object
}

export interface WorkerProcess {
  readonly said: readonly Said[]
  readonly exit: Promise<number | null>
  readonly gone: boolean
  kill(signal: NodeJS.Signals): void
}

interface WorkerProcessOptions {
  readonly attempts?: number
  readonly claimAfter?: string
  /** How long a handler takes, in milliseconds. */
  readonly slow?: number
  readonly idempotency?: boolean
  readonly work?: object
}

/** Resolves when it works. It is killed when the test has finished. */
export async function startWorkerProcess(url: string, options: WorkerProcessOptions = {}): Promise<WorkerProcess> {
  const child: ChildProcess = spawn(process.execPath, [program, url, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = new Promise<number | null>(resolve => child.once('close', code => resolve(code)))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const said: Said[] = []
  let gone = false
  void exit.then(() => {
    gone = true
  })
  createInterface({ input: child.stdout! }).on('line', line => said.push(JSON.parse(line) as Said))
  await until(() => gone || said.some(({ ready }) => ready !== undefined))
  return {
    said,
    exit,
    get gone() {
      return gone
    },
    kill: signal => void child.kill(signal),
  }
}

export const handledBy = (processes: readonly WorkerProcess[]): number[] =>
  processes.flatMap(({ said }) => said.flatMap(({ handled }) => handled ?? []))
