import { realClock, type Timer } from '../../base/clock.ts'
import { eitherSignal } from '../../base/either-signal.ts'
import { onAbort } from '../../base/on-abort.ts'
import type { IdempotentRun } from './requests.ts'

/**
 * Runs what works for a client. Once that has left nobody waits for the answer, and what never comes would hold its key for
 * good: so it is waited for no longer than this, and the signal of the run fires before another may begin.
 */
export async function withinGrace<T>(
  left: AbortSignal | undefined,
  graceMs: number,
  { token, attempt, signal }: IdempotentRun,
  work: (run: IdempotentRun) => Promise<T>,
): Promise<T> {
  if (!left) return work({ token, attempt, signal })
  const late = new AbortController()
  const either = eitherSignal(signal, late.signal)
  let patience: Timer | undefined
  const begin = () => {
    const overdue = new Error('The client left, and there was no answer in time')
    patience = realClock.after(graceMs, () => late.abort(overdue))
  }
  const unlink = left.aborted ? begin() : onAbort(left, begin)
  try {
    const overdue = new Promise<never>((_, reject) => onAbort(late.signal, () => reject(late.signal.reason)))
    return await Promise.race([work({ token, attempt, signal: either.signal }), overdue])
  } finally {
    unlink?.()
    patience?.cancel()
    either.forget()
  }
}
