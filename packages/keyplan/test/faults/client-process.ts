import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { ConnectOptions } from '../../src/client/index.ts'
import { until } from '../live-server.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('client-process.mjs', import.meta.url))

type Said = Readonly<Record<string, unknown>>

/** A client in a process of its own. */
export interface ClientProcess {
  /** Everything it has told by itself: `connected` and `reconnecting` with the epoch time, `uncaught`. */
  readonly told: readonly Said[]
  /** What it answers to a verb of the program. One at a time. */
  ask(verb: 'status' | 'ask' | 'load' | 'census' | 'close', argument?: unknown): Promise<Said>
}

interface ProcessOptions {
  readonly url: string
  readonly connect?: Pick<ConnectOptions, 'backoff' | 'start' | 'connectTimeout'>
  /** Of Node. */
  readonly flags?: readonly string[]
  /** A command that runs the command behind it, such as `unshare`. */
  readonly wrapper?: readonly string[]
}

const events = ['connected', 'reconnecting', 'uncaught']

/** Resolves when it has connected, or knows that it cannot yet. It is killed when the test has finished. */
export async function startClientProcess({
  url,
  connect = {},
  flags = [],
  wrapper = [],
}: ProcessOptions): Promise<ClientProcess> {
  const [command = '', ...args] = [...wrapper, process.execPath, ...flags, program, url, JSON.stringify(connect)]
  const child = spawn(command, args, { env: { PATH: process.env.PATH } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const told: Said[] = []
  const answers: Said[] = []
  let complained = ''
  let gone = false
  child.stderr.on('data', chunk => {
    complained += chunk
  })
  child.on('close', () => {
    gone = true
  })
  createInterface({ input: child.stdout }).on('line', line => {
    const said = JSON.parse(line) as Said
    ;(events.some(event => event in said) ? told : answers).push(said)
  })
  const next = async (): Promise<Said> => {
    await until(() => answers.length > 0 || gone)
    const answer = answers.shift()
    if (!answer) throw new Error(`the client process ended: ${complained}`)
    return answer
  }
  await next()
  return {
    told,
    ask(verb, argument) {
      child.stdin.write(`${JSON.stringify([verb, argument])}\n`)
      return next()
    },
  }
}
