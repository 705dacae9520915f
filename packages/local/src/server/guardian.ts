import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Is told what there is to end, and ends it when the pipe of its owner closes, which the system does however the owner
 * ends. The process is killed with its group: a server that is saving has a child that would go on writing.
 */
const script = `
while read -r what value; do
  case $what in pid) pid=$value ;; mount) mount=$value ;; esac
done
test -z "$pid" || kill -9 "-$pid" || kill -9 "$pid"
test -z "$mount" || umount -l "$mount"
test -z "$1" || rm -rf "$1" || { sleep 1; rm -rf "$1"; }`

/** Ends what it is told of no later than this process ends. */
export interface Guardian {
  /** The process to kill; undefined when there is none any more. */
  process(pid: number | undefined): void
  /** The folder to unmount; undefined when it no longer is a mount. */
  mount(folder: string | undefined): void
  /** Everything is gone, or may live on: stop watching. */
  dismiss(): void
}

interface Guarded {
  readonly folder: string | undefined
  pid?: number | undefined
  mount?: string | undefined
}

const guardedHere = new Set<Guarded>()
let watchesExit = false

/**
 * Removes `folder`, and kills and unmounts what is told later, when this process ends in whatever way, kill -9
 * included: a shell holds the other end of a pipe from this process and acts when it closes. No signal handler is
 * needed for that, so none of the program's own is disturbed. On an ordinary exit all is gone when this one is gone.
 */
export function guard(folder: string | undefined): Guardian {
  // A session of its own, so that Ctrl-C in the terminal does not end the guardian before its owner.
  const shell = spawn('/bin/sh', ['-c', script, 'keyplan-guardian', folder ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
    cwd: '/',
  })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  letGo(shell)

  const guarded: Guarded = { folder }
  guardedHere.add(guarded)
  if (!watchesExit) process.on('exit', endAll)
  watchesExit = true

  return {
    process(pid) {
      guarded.pid = pid
      shell.stdin.write(`pid ${pid ?? ''}\n`)
    },
    mount(path) {
      guarded.mount = path
      shell.stdin.write(`mount ${path ?? ''}\n`)
    },
    dismiss() {
      guardedHere.delete(guarded)
      shell.kill('SIGKILL')
    },
  }
}

/** Kills the process and the children it has left behind. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself, and left none behind.
  }
}

/** Keeps neither the shell nor its pipe from letting this process end. */
function letGo(shell: ChildProcess): void {
  shell.unref()
  const pipe = shell.stdin as Socket | null
  pipe?.unref()
}

function endAll(): void {
  for (const { pid, mount, folder } of guardedHere) {
    if (pid !== undefined) killGroup(pid)
    if (mount !== undefined) spawnSync('umount', ['-l', mount])
    try {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    } catch {
      // The dying process was still writing: the shell removes the rest.
    }
  }
}
