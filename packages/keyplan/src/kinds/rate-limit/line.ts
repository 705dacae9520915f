import type { Clock } from '../../base/clock.ts'
import { onAbort } from '../../base/on-abort.ts'
import { aborted } from '../../guard/deadline.ts'
import { createLine as createQueue } from '../../mechanisms/lease/line.ts'
import { createBell } from '../../mechanisms/wake.ts'

/** Those in this process who wait for something, by its name, in the order they came. Only the first of them asks. */
export interface Line {
  /**
   * Asks until it is granted, its time is over, or waiting cannot help.
   *
   * @throws KeyplanError ABORTED, what `ask` throws
   */
  wait<T extends Waited>(name: string, terms: Waiting<T>): Promise<T>
  /** Something was given back: the first may ask again. */
  ring(name: string): void
  /** Tells of each `ring` of the name, for who waits in another line as well; until what it gives is called. */
  hear(name: string, ring: () => void): () => void
  /** Wakes the first of each, who meets whatever has ended their waiting; as do those behind, one after another. */
  close(): void
}

export interface Waited {
  readonly allowed: boolean
  readonly retryAfterMs: number
}

export interface Waiting<T> {
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
  ask(): Promise<T>
  /** The answer for one whose time was over before it was the first. */
  late(): Promise<T>
  /** How long the first rests before it asks again, and whether asking later can help at all. Default: `retryAfterMs`. */
  pauseMs?(denied: T): number
}

export function createLine(clock: Clock): Line {
  const queue = createQueue(() => [])
  const heard = new Map<string, Set<() => void>>()

  return {
    async wait(name, { waitMs, signal, ask, late, pauseMs = denied => denied.retryAfterMs }) {
      const until = clock.now() + waitMs
      const bell = createBell(clock, true)
      const unlink = signal && onAbort(signal, bell.ring)
      const place = queue.join(name, bell)
      try {
        for (;;) {
          if (signal?.aborted) throw aborted()
          const left = until - clock.now()
          if (place.first) {
            const answer = await ask()
            const pause = pauseMs(answer)
            if (answer.allowed || pause > until - clock.now()) return answer
            await bell.wait(pause)
          } else if (left > 0) await bell.wait(left)
          else return await late()
        }
      } finally {
        unlink?.()
        place.leave(false)
      }
    },
    ring(name) {
      queue.ring(name)
      for (const tell of heard.get(name) ?? []) tell()
    },
    hear(name, ring) {
      const rings = heard.get(name) ?? new Set()
      heard.set(name, rings.add(ring))
      return () => {
        rings.delete(ring)
        if (rings.size === 0 && heard.get(name) === rings) heard.delete(name)
      }
    },
    close: () => void queue.ring(undefined),
  }
}
