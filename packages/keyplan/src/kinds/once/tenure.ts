import type { Clock, Timer } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'

interface TenureParts {
  readonly clock: Clock
  readonly namespace: string
  readonly leaseMs: number
  /** Whether another may take over once the lease has ended. */
  readonly mayLapse: boolean
  /** Reading of the clock until which the lease certainly runs. */
  readonly until: number
  /** Another full lease, asked for at most so many milliseconds; false when the operation is not ours any more. */
  renew(deadlineMs: number): Promise<boolean>
}

/** The time in which this process may run an operation. */
export interface Tenure {
  readonly signal: AbortSignal
  lose(why: string): void
  /** No renewals any more, and no signal. */
  end(): void
}

/** This part of the lease is kept free before its end, so that work can stop before another may begin. */
const safety = 0.1

export function createTenure({ clock, namespace, leaseMs, mayLapse, until, renew }: TenureParts): Tenure {
  const controller = new AbortController()
  let over = false
  let ends = until
  let timer: Timer | undefined

  const latest = () => ends - leaseMs * safety

  function lose(why: string): void {
    if (over) return
    end()
    controller.abort(new KeyplanError('ONCE_LOST', `The operation of ${namespace} was lost: ${why}`, { namespace }))
  }

  function end(): void {
    over = true
    timer?.cancel()
  }

  /** Wakes at `at`, or at the last moment if that is earlier and matters. */
  function wakeAt(at: number, then: () => void): void {
    timer?.cancel()
    const due = mayLapse ? Math.min(at, latest()) : at
    timer = clock.after(Math.max(0, due - clock.now()), () => {
      if (mayLapse && clock.now() >= latest()) lose('its lease could not be renewed in time')
      else if (clock.now() >= at) then()
      else wakeAt(at, then)
    })
  }

  async function prolong(): Promise<void> {
    const asked = clock.now()
    const patience = mayLapse ? latest() - asked : leaseMs
    if (mayLapse) wakeAt(Number.POSITIVE_INFINITY, () => {})
    try {
      const ours = await renew(patience)
      if (over) return
      if (!ours) return lose('it was forgotten, evicted or taken over')
      ends = asked + leaseMs
      schedule()
    } catch {
      // Whatever the failure is, it is ours until somebody takes it over: there is still time to try again.
      if (!over) wakeAt(clock.now() + leaseMs / 12, prolong)
    }
  }

  const schedule = () => wakeAt(ends - (leaseMs * 2) / 3, prolong)
  schedule()

  return { signal: controller.signal, lose, end }
}
