import type { CallOptions } from '../../../base/call.ts'
import type { Clock, Timer } from '../../../base/clock.ts'
import { isUnavailable, KeyplanError } from '../../../base/error.ts'
import type { Guarded } from '../../../guard/guarded.ts'
import type { RateLimitResult } from '../contract.ts'
import type { Permit } from './contract.ts'
import type { ConcurrencyStore } from './store.ts'

interface PermitParts {
  readonly steps: Pick<Guarded<ConcurrencyStore>, 'renew' | 'release'>
  readonly clock: Clock
  readonly leaseMs: number
  readonly key: string
  readonly id: string
  /** By the clock of this process: before it was asked for. */
  readonly since: number
  readonly ended: () => void
  /** It was given back, or Redis could not be told. */
  readonly released: (done: boolean) => void
  /** The terms on which it is given back at this moment. */
  readonly parting: () => CallOptions | undefined
}

/** Nobody waits longer than this for Redis to be told. */
const quickly: CallOptions = { deadline: '500ms' }

/** A permit that is held, and renewed until it is given back or lost. */
export function holdPermit(
  answer: RateLimitResult,
  { steps, clock, leaseMs, key, id, since, ended, released: wasReleased, parting }: PermitParts,
): Permit {
  const controller = new AbortController()
  let renewed = since
  let released: Promise<void> | undefined
  let timer: Timer | undefined

  function lose(): void {
    if (released || controller.signal.aborted) return
    timer?.cancel()
    ended()
    controller.abort(new KeyplanError('LOCK_LOST', 'The permit was ended, or could not be renewed in time'))
  }

  async function renew(): Promise<boolean> {
    if (released || controller.signal.aborted) return false
    const asked = clock.now()
    const left = Math.max(1, Math.floor(renewed + leaseMs - asked))
    try {
      const held = await steps.renew({ deadline: `${left}ms` }, key, id)
      if (held) renewed = asked
      else lose()
      return held
    } catch (error) {
      if (!isUnavailable(error)) lose()
      else if (clock.now() >= renewed + leaseMs) lose()
      return !controller.signal.aborted && released === undefined
    }
  }

  function schedule(): void {
    timer = clock.after(leaseMs / 3, async () => {
      await renew()
      if (!released && !controller.signal.aborted) schedule()
    })
  }
  schedule()

  function release(): Promise<void> {
    released ??= (async () => {
      timer?.cancel()
      ended()
      if (controller.signal.aborted) return
      const terms = parting()
      // Its work goes on, and others may have the permit now.
      if (terms) controller.abort(new KeyplanError('LOCK_LOST', 'The client was closed'))
      const done = steps.release(terms ?? quickly, key, id).then(
        () => true,
        () => false,
      )
      wasReleased(await done)
    })()
    return released
  }

  return { signal: controller.signal, renew, release, [Symbol.asyncDispose]: release, ...answer, allowed: true }
}
