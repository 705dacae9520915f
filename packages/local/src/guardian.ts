import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'

/** Waits until the pipe of its owner closes, which the system does however the owner ends. */
const script = 'while read -r _; do :; done; kill -9 "$1" 2>/dev/null; test -z "$2" || rm -rf "$2"'

/** Ends a process no later than this one. */
export interface Guardian {
  /** The guarded process is gone, or may live on: stop watching. */
  dismiss(): void
}

interface Guarded {
  readonly pid: number
  readonly folder: string | undefined
}

const guardedHere = new Set<Guarded>()
let watchesExit = false

/**
 * Kills `pid` and removes `folder` when this process ends in whatever way, kill -9 included: a shell holds the other
 * end of a pipe from this process and acts when it closes. No signal handler is needed for that, so none of the
 * program's own is disturbed. On an ordinary exit the process is already dead when this one is gone.
 */
export function guard(pid: number, folder: string | undefined): Guardian {
  // A session of its own, so that Ctrl-C in the terminal does not end the guardian before its owner.
  const shell = spawn('/bin/sh', ['-c', script, 'keyplan-guardian', String(pid), folder ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
    cwd: '/',
  })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  letGo(shell)

  const guarded: Guarded = { pid, folder }
  guardedHere.add(guarded)
  if (!watchesExit) process.on('exit', endAll)
  watchesExit = true

  return {
    dismiss() {
      guardedHere.delete(guarded)
      shell.kill('SIGKILL')
    },
  }
}

/** Keeps neither the shell nor its pipe from letting this process end. */
function letGo(shell: ChildProcess): void {
  shell.unref()
  const { stdin } = shell
  if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
}

function endAll(): void {
  for (const { pid, folder } of guardedHere) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
    try {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    } catch {
      // The dying process was still writing: the shell removes the rest.
    }
  }
}
