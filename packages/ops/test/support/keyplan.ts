import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The program as npm links it. It runs what was built. */
export const bin = fileURLToPath(new URL('../../bin/keyplan.js', import.meta.url))

export interface Running {
  readonly child: ChildProcess
  readonly out: string
  readonly err: string
  /** Waits until the output holds the text. Rejects when it ends without. */
  said(text: string): Promise<void>
  readonly ended: Promise<{ code: number | null; out: string; err: string }>
}

/** Variables of this process that the tests depend on, and those of the test. */
function environment(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env
  return { PATH, HOME, TMPDIR, ...variables }
}

/** Runs a command line that does not outlive its test. */
export function run(
  command: string,
  args: readonly string[],
  { env = {}, folder = '/' }: { env?: NodeJS.ProcessEnv; folder?: string } = {},
): Running {
  const child = spawn(command, args, { cwd: folder, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] })
  const text = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text.out += chunk
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    text.err += chunk
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...text }))
  let over = false
  ended.then(() => {
    over = true
  })
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  })
  return {
    child,
    get out() {
      return text.out
    },
    get err() {
      return text.err
    },
    ended,
    async said(wanted) {
      while (!`${text.out}${text.err}`.includes(wanted)) {
        if (over) throw new Error(`it ended without saying "${wanted}":\n${text.out}${text.err}`)
        await sleep(10)
      }
    },
  }
}

export const keyplan = (args: readonly string[], options?: Parameters<typeof run>[2]) =>
  run(process.execPath, [bin, ...args], options)

/** Whether a process is there and no zombie. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const status = `/proc/${pid}/status`
  return !existsSync(status) || !/^State:\s+Z/m.test(readStatus(status))
}

function readStatus(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return 'State:\tZ'
  }
}

export async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some(lives)) await sleep(10)
}

/** The processes that a text names. */
export const pidsIn = (said: string) => [...said.matchAll(/\(pid (\d+)\)/g)].map(([, pid]) => Number(pid))
