import type { Clock } from '../base/clock.ts'
import { KeyplanError, type Outcome } from '../base/error.ts'

/**
 * Settles with `work`, or with TIMEOUT after `ms` (which may be Infinity), or with ABORTED when the signal fires: for
 * this caller alone. `who` is named in the error.
 *
 * When the timer fires in a process whose event loop was blocked, the reply may already lie in the socket's buffer;
 * so the verdict waits for one turn of the loop.
 */
export function bounded<T>(
  work: Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
  clock: Clock,
  outcome: () => Outcome,
  who = 'Redis',
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = ms === Number.POSITIVE_INFINITY ? undefined : clock.after(Math.max(0, ms), () => setImmediate(expire))
    const expire = () => {
      signal?.removeEventListener('abort', abort)
      reject(new KeyplanError('TIMEOUT', `${who} did not answer within ${Math.round(ms)} ms`, { outcome: outcome() }))
    }
    const abort = () => {
      timer?.cancel()
      reject(new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome: outcome() }))
    }
    const done = () => {
      timer?.cancel()
      signal?.removeEventListener('abort', abort)
    }
    work.then(
      value => {
        done()
        resolve(value)
      },
      error => {
        done()
        reject(error)
      },
    )
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
