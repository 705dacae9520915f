import { fork } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { formatDuration, KeyplanError } from 'keyplan'
import type { Complaint } from '../cli/complaint.ts'
import { type Guardian, signalGroup } from '../dev/guardian.ts'
import type { Assignment, EndRequest, Snapshot, Told } from './snapshot.ts'

/** What is known of the supervised process. */
export interface Supervised {
  /** Undefined while there is none. */
  readonly pid: number | undefined
  /** The last it said of itself; undefined before it runs, and when it is gone. */
  readonly snapshot: Snapshot | undefined
  /** Milliseconds since it said so. */
  readonly silentMs: number
  readonly restarts: number
  /** How the last one ended. */
  readonly lastEnd: string | undefined
  readonly draining: boolean
}

export interface Supervisor {
  readonly supervised: Supervised
  /**
   * Runs the process, again and again, until it is told to end; its exit code then.
   *
   * @throws KeyplanError what keeps the first one from beginning
   */
  run(): Promise<number>
}

export interface SupervisorOptions extends Assignment {
  readonly env: NodeJS.ProcessEnv
  readonly ending: AbortSignal
  readonly guardian: Guardian
  /** A process that says nothing for this long is killed. */
  readonly stallMs: number
  note(line: string): void
  /** A process has begun its work. */
  began(pid: number, snapshot: Snapshot): void
}

/** The pause before a start doubles from the first to the second; who has run for `calm` begins anew. Milliseconds. */
const pause = { min: 100, max: 30_000, calm: 60_000 }

/** What closing takes beyond the grace of the handlers, in milliseconds. */
const closingMs = 5_000

const lookEvery = 250

const entry = fileURLToPath(new URL('./process.js', import.meta.url))

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { file, folder, graceMs, env, ending, guardian, stallMs, note, began } = options
  let pid: number | undefined
  let snapshot: Snapshot | undefined
  let heardAt = 0
  let restarts = 0
  let lastEnd: string | undefined
  let hasBegun = false

  /** Runs one process to its end: its exit code, as a shell has it. */
  async function runOne(): Promise<number> {
    const assignment: Assignment = { file, folder, graceMs }
    // A group of its own, so that Ctrl-C in the terminal does not end it before it has drained.
    const child = fork(entry, [JSON.stringify(assignment)], { cwd: folder, env, detached: true })
    const exit = once(child, 'exit')
    let complaint: Complaint | undefined
    const leader = child.pid!
    pid = leader
    guardian.group(leader)
    child.on('message', (told: Told) => {
      if (told.type === 'failed') complaint = told.complaint
      else {
        const isFirst = snapshot === undefined
        snapshot = told.snapshot
        heardAt = performance.now()
        hasBegun = true
        if (isFirst) began(leader, snapshot)
      }
    })
    // It may have ended before it is told to.
    child.on('error', () => undefined)
    const watch = watchSilence(() => signalGroup(leader, 'SIGKILL'))
    let late: NodeJS.Timeout | undefined
    const end = () => {
      late = setTimeout(signalGroup, graceMs + closingMs, leader, 'SIGKILL')
      if (child.connected) child.send({ type: 'end' } satisfies EndRequest, () => undefined)
    }
    ending.addEventListener('abort', end)
    if (ending.aborted) end()
    try {
      const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null]
      lastEnd = complaint?.message ?? (signal ? `by ${signal}` : `with exit code ${code}`)
      if (complaint && !hasBegun) throw errorOf(complaint)
      return code ?? 128 + constants.signals[signal ?? 'SIGKILL']
    } finally {
      clearTimeout(late)
      clearInterval(watch)
      ending.removeEventListener('abort', end)
      // What it has started ends with it.
      signalGroup(leader, 'SIGKILL')
      guardian.group(undefined)
      pid = undefined
      snapshot = undefined
    }
  }

  /** Counts turns of its own loop, so that a machine that slept does not kill what slept with it. */
  function watchSilence(kill: () => void): NodeJS.Timeout {
    let heard = heardAt
    let turns = 0
    return setInterval(() => {
      turns = snapshot === undefined || heard !== heardAt ? 0 : turns + 1
      heard = heardAt
      if (turns * lookEvery < stallMs) return
      turns = 0
      note(`the process has said nothing for ${formatDuration(stallMs)}; it is killed`)
      kill()
    }, lookEvery)
  }

  return {
    get supervised() {
      const silentMs = performance.now() - heardAt
      return { pid, snapshot, silentMs, restarts, lastEnd, draining: ending.aborted }
    },
    async run() {
      let wait = pause.min
      for (;;) {
        const begun = performance.now()
        const code = await runOne()
        if (ending.aborted) return code
        const ranMs = performance.now() - begun
        if (ranMs > pause.calm) wait = pause.min
        // Spread, so that what ended many at once does not have them come back at once.
        const waitMs = wait * (0.8 + 0.4 * Math.random())
        note(`the process ended after ${spoken(ranMs)}: ${lastEnd}; it is started again in ${spoken(waitMs)}`)
        const isOver = await sleep(waitMs, false, { signal: ending }).catch(() => true)
        if (isOver) return 0
        wait = Math.min(pause.max, wait * 2)
        restarts++
      }
    },
  }
}

const spoken = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`

const errorOf = ({ code, message, problems }: Complaint) =>
  code === 'INTERNAL' ? new Error(message) : new KeyplanError(code, message, { problems })
