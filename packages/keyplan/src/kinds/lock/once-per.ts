import { bigintsAsText } from '../../base/bigint-text.ts'
import type { CallOptions } from '../../base/call.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'
import { keyMark } from '../../base/key-mark.ts'
import { errorOf } from '../../base/thrown.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { employ, type Holding, holdingOf } from '../../mechanisms/lease/employ.ts'
import type { Held } from '../../mechanisms/lease/held.ts'
import type { Notice } from '../kind.ts'
import type { IntervalStore } from './interval-store.ts'

export interface OncePerOptions extends CallOptions {
  /**
   * What becomes of an interval whose process died, lost the lock or threw while it worked. `skip` (default) marks the
   * interval before the work begins: it is begun at most once. `rerun` marks it when the work is done: whoever calls next in
   * the same interval does it again, so it is done at least once, and may be done twice.
   */
  onCrash?: 'skip' | 'rerun' | undefined
}

/** What the work of an interval is given. */
export interface IntervalRun extends Holding {
  /** When the interval began, in epoch milliseconds: the same for all, so an id made of it is too. */
  readonly start: number
}

export type OncePerResult<T> =
  | { readonly ran: true; readonly value: T; readonly nextMs: number }
  /** It is done, or being done, by another. `nextMs` is the time until the next interval begins, on the server's clock. */
  | { readonly ran: false; readonly nextMs: number }

interface OncePerParts {
  readonly namespace: string
  readonly intervals: Guarded<IntervalStore>
  tryAcquire(options: CallOptions): Promise<Held | undefined>
  notify(notice: Notice): void
}

const shortest = 1_000
const longest = 366 * 86_400_000

/** @throws KeyplanError PARAM_INVALID */
function lengthOf(interval: Duration): number {
  const ms = durationMs(interval, 'the interval', shown)
  if (ms >= shortest && ms <= longest) return ms
  throw new KeyplanError('PARAM_INVALID', `the interval is ${interval}; give one from 1s to 366d`)
}

/**
 * Only who holds the lock marks an interval, and never with a smaller fence than one that did.
 *
 * @throws KeyplanError as `oncePer` of a lock
 */
export async function oncePer<T>(
  { namespace, intervals, tryAcquire, notify }: OncePerParts,
  key: string,
  interval: Duration,
  work: (run: IntervalRun) => T | Promise<T>,
  { onCrash = 'skip', ...call }: OncePerOptions,
): Promise<OncePerResult<T>> {
  const lengthMs = lengthOf(interval)
  if (onCrash !== 'skip' && onCrash !== 'rerun') {
    throw new KeyplanError('PARAM_INVALID', `onCrash is ${shown(onCrash)}; use 'skip' or 'rerun'`)
  }
  const before = await intervals.look(call, key, lengthMs)
  if (before.done) return { ran: false, nextMs: before.nextMs }
  await using held = await tryAcquire(call)
  if (!held) return { ran: false, nextMs: before.nextMs }

  const seen = await (onCrash === 'skip'
    ? intervals.mark(call, key, lengthMs, held.fence)
    : intervals.look(call, key, lengthMs))
  const isDue = onCrash === 'skip' ? seen.mine : !seen.done
  if (!isDue) return { ran: false, nextMs: seen.nextMs }
  // This process may have been stopped for so long that another holds it by now.
  if (held.remaining() === 0) {
    throw new KeyplanError('LOCK_LOST', `The lock ${namespace} was lost before the work began`, {
      namespace,
      mark: keyMark(key),
    })
  }
  const start = seen.number * lengthMs
  const value = await employ(holdingOf(held), holding => work(bigintsAsText({ ...holding, start })), call.signal)
  if (onCrash === 'rerun') {
    try {
      await intervals.mark(undefined, key, lengthMs, held.fence, seen.number)
    } catch (error) {
      // The work is done, and its caller has a right to its result.
      notify({ type: 'interval-unmarked', namespace, mark: keyMark(key), error: errorOf(error) })
    }
  }
  return { ran: true, value, nextMs: seen.nextMs }
}
