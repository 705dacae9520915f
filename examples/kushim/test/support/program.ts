import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** One of the programs of the example, running. */
export interface Program {
  readonly pid: number
  /** Every line it has written. */
  readonly lines: readonly string[]
  /** Waits until a line holds the text. Rejects when the program ends without it. */
  said(text: string): Promise<string>
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** It has ended, and every line of it is there: the last ones may arrive after the exit. */
  readonly silent: Promise<void>
  signal(name: NodeJS.Signals): void
  /** Ends it, and waits for that. */
  stop(): Promise<void>
}

const inherited = ['PATH', 'HOME', 'TMPDIR'] as const

/** Runs `dist/<script>` with these variables and no other of this process'. */
export function runProgram(script: string, variables: Record<string, string>): Program {
  const env: Record<string, string> = { ...variables }
  for (const name of inherited) env[name] ??= process.env[name] ?? ''
  const path = fileURLToPath(new URL(`../../dist/${script}`, import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [path], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', line => {
      lines.push(line)
      for (const look of waiting) look()
    })
  }
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  const silent = once(child, 'close').then(() => {})
  return {
    pid: child.pid!,
    lines,
    ended,
    silent,
    said: text =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.find(line => line.includes(text))
          if (line === undefined) return
          waiting.delete(look)
          resolve(line)
        }
        waiting.add(look)
        look()
        silent.then(() => {
          look()
          reject(new Error(`it ended without saying "${text}":\n${lines.join('\n')}`))
        })
      }),
    signal: name => {
      child.kill(name)
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}
