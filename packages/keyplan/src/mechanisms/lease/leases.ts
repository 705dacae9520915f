import { type CallOptions, checkOptions } from '../../base/call.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import { onAbort } from '../../base/on-abort.ts'
import { createBell, type Wake } from '../wake.ts'
import { createCustody, type LeaseFigures, type LeaseKind, type LeaseSurroundings } from './custody.ts'
import { checkWork, employ, type Holding } from './employ.ts'
import type { Held } from './held.ts'
import { createLine } from './line.ts'
import { type AcquireOptions, patienceOf, type RetrySettings, within } from './patience.ts'
import type { Wanted } from './steps.ts'

/** The verbs of everything that is held for a time. */
export interface Leases<W extends Wanted> {
  /** Asks once. */
  tryAcquire(wanted: W, options: CallOptions): Promise<Held | undefined>
  /** Waits for it: callers of one process in the order they came, processes by notice of release and by polling. */
  acquire(wanted: W, options: AcquireOptions): Promise<Held | undefined>
  /** Does the work while holding it and lets go of it in all cases. */
  run<T>(wanted: W, work: (held: Holding) => T | Promise<T>, options: AcquireOptions): Promise<T>
  figures(): LeaseFigures
  close(): Promise<void>
}

interface LeaseParts<W extends Wanted> extends LeaseKind<W> {
  readonly retry: RetrySettings | undefined
  /** Why `run` has come to nothing, without a full stop. */
  busy(name: string): string
  /** Whether several may hold it at once, so that the next in line asks although the one before got it. */
  readonly shared?: boolean
  /** Where notices of release are heard, and on which channel. */
  readonly wakes: readonly Wake[]
  channel(key: string): string
  /** Names of the options that its verbs take beside the common ones. */
  readonly options?: readonly string[]
}

const acquireOptions = ['attempts', 'delay', 'wait'] as const satisfies readonly (keyof AcquireOptions)[]

export function createLeases<W extends Wanted>(
  parts: LeaseParts<W>,
  surroundings: LeaseSurroundings & { readonly pattern: { readonly source: string } },
): Leases<W> {
  const { name, pattern, clock } = surroundings
  const { retry } = parts
  const custody = createCustody(parts, surroundings)
  const line = createLine(parts.wakes, parts.channel)
  const waiting = new Set<() => void>()
  const known = [...acquireOptions, ...(parts.options ?? [])]

  async function acquire(wanted: W, options: AcquireOptions): Promise<Held | undefined> {
    checkOptions(options, known)
    const { signal } = options
    const patience = patienceOf(retry, options)
    const started = clock.now()
    const bell = createBell(clock, true)
    const place = line.join(wanted.key, bell)
    let held: Held | undefined
    let wasBusy = false
    const unlink = signal && onAbort(signal, bell.ring)
    waiting.add(bell.ring)
    try {
      for (;;) {
        let pause = started + patience.wait - clock.now()
        // The first in line asks at least once, however short its wait is.
        if (pause < 1 && (wasBusy || !place.first)) return undefined
        if (place.mayAsk()) {
          const answer = await custody.ask(
            wanted,
            within(patience.deadline && started + patience.deadline - clock.now(), signal),
          )
          if ('release' in answer) {
            held = answer
            return held
          }
          wasBusy = true
          place.listen()
          pause = Math.min(pause, patience.poll(), (answer.remainingMs ?? Number.POSITIVE_INFINITY) + 1)
        } else {
          custody.check(signal)
          if (place.first) pause = Math.min(pause, patience.poll())
        }
        await bell.wait(pause)
      }
    } catch (error) {
      const outOfTime = patience.deadline !== undefined && clock.now() >= started + patience.deadline
      if (wasBusy && outOfTime && isKeyplanError(error, 'TIMEOUT')) return undefined
      throw error
    } finally {
      place.leave(held !== undefined && !parts.shared)
      unlink?.()
      waiting.delete(bell.ring)
    }
  }

  return {
    async tryAcquire(wanted, options) {
      checkOptions(options, known)
      const answer = await custody.ask(wanted, options)
      return 'release' in answer ? answer : undefined
    },
    acquire,
    async run(wanted, work, options) {
      checkWork(work, 'run', pattern)
      await using held = await acquire(wanted, options)
      if (!held) {
        const { wait } = patienceOf(retry, options)
        throw new KeyplanError('LOCK_BUSY', `${parts.busy(name)} within ${wait} ms`, {
          namespace: name,
          operation: 'acquire',
          outcome: 'not-executed',
        })
      }
      return await employ(held, work, options.signal)
    },
    figures: custody.figures,
    async close() {
      const closing = custody.close()
      for (const ring of waiting) ring()
      await closing
    },
  }
}
