import { constants } from 'node:os'

export interface Ending {
  readonly signal: AbortSignal
  /** Signals mean again what they mean by themselves. */
  close(): void
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** How often to look whether the parent is still there, in milliseconds. */
const lookEvery = 250

/** A terminal, and npm between, may both tell of one Ctrl-C. A person who is impatient takes longer. */
const onceWithin = 1_000

/**
 * Fires at Ctrl-C, when this process is told to end, and when its parent is gone, with the signal as reason. Being told
 * twice ends the process at once; what watches over its exit still does its work.
 */
export function watchForEnding(): Ending {
  const controller = new AbortController()
  let first: number | undefined
  const told = (signal: NodeJS.Signals) => {
    first ??= performance.now()
    if (performance.now() - first > onceWithin) process.exit(128 + constants.signals[signal])
    controller.abort(signal)
  }
  for (const signal of signals) process.on(signal, told)
  // A parent that was killed tells nobody; its children are given another one.
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    controller.abort('SIGTERM')
  }, lookEvery).unref()
  return {
    signal: controller.signal,
    close() {
      clearInterval(watch)
      for (const signal of signals) process.off(signal, told)
    },
  }
}
