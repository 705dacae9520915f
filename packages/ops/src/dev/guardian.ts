import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Ends a process group and removes a file no later than this process ends, however it ends. */
export interface Guardian {
  /** The leader of the group; undefined when there is none any more. */
  group(pid: number | undefined): void
  file(path: string | undefined): void
  dismiss(): void
}

/** Its input ends when its owner does, kill -9 included. */
const script = `
while read -r what value; do
  case $what in group) group=$value ;; file) file=$value ;; esac
done
test -z "$group" || kill -9 "-$group"
test -z "$file" || rm -f "$file"`

export function startGuardian(): Guardian {
  // A session of its own, so that Ctrl-C in the terminal does not end it before its owner.
  const shell = spawn('/bin/sh', ['-c', script, 'keyplan-guardian'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
    cwd: '/',
  })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  shell.unref()
  const pipe = shell.stdin as Socket
  pipe.unref()

  let ours: number | undefined
  let kept: string | undefined
  const atExit = () => {
    if (ours !== undefined) signalGroup(ours, 'SIGKILL')
    if (kept !== undefined) rmSync(kept, { force: true })
  }
  process.on('exit', atExit)
  return {
    group(pid) {
      ours = pid
      pipe.write(`group ${pid ?? ''}\n`)
    },
    file(path) {
      kept = path
      pipe.write(`file ${path ?? ''}\n`)
    },
    dismiss() {
      process.off('exit', atExit)
      shell.kill('SIGKILL')
    },
  }
}

/** Tells every process of a group that is still there. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It is gone, and so is all it has started.
  }
}
