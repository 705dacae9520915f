import type { Clock } from '../../base/clock.ts'
import { onAbort } from '../../base/on-abort.ts'
import { aborted } from '../../guard/retry.ts'
import { type Bell, createBell } from '../../mechanisms/wake.ts'

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
  /** Wakes all, who then meet whatever has ended their waiting. */
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
  const lines = new Map<string, Set<Bell>>()

  function join(name: string, bell: Bell) {
    const bells = lines.get(name) ?? new Set()
    lines.set(name, bells.add(bell))
    const head = () => bells.values().next().value
    return {
      isFirst: () => head() === bell,
      leave() {
        const wasFirst = head() === bell
        bells.delete(bell)
        if (bells.size === 0) lines.delete(name)
        else if (wasFirst) head()?.ring()
      },
    }
  }

  return {
    async wait(name, { waitMs, signal, ask, late, pauseMs = denied => denied.retryAfterMs }) {
      const until = clock.now() + waitMs
      const bell = createBell(clock, true)
      const unlink = signal && onAbort(signal, bell.ring)
      const place = join(name, bell)
      try {
        for (;;) {
          if (signal?.aborted) throw aborted()
          const left = until - clock.now()
          if (place.isFirst()) {
            const answer = await ask()
            const pause = pauseMs(answer)
            if (answer.allowed || pause > until - clock.now()) return answer
            await bell.wait(pause)
          } else if (left > 0) await bell.wait(left)
          else return await late()
        }
      } finally {
        unlink?.()
        place.leave()
      }
    },
    ring: name => lines.get(name)?.values().next().value?.ring(),
    close() {
      for (const bells of lines.values()) for (const bell of bells) bell.ring()
    },
  }
}
