import { bigintsAsText } from '../../base/bigint-text.ts'
import type { Clock } from '../../base/clock.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { eitherSignal } from '../../base/either-signal.ts'
import { isKeyplanError, KeyplanError, shown } from '../../base/error.ts'
import { keepAlive } from '../../base/keep-alive.ts'
import { keyMark } from '../../base/key-mark.ts'
import { onAbort } from '../../base/on-abort.ts'
import { errorOf } from '../../base/thrown.ts'
import type { Holding } from '../../mechanisms/lease/employ.ts'
import type { Held } from '../../mechanisms/lease/held.ts'
import type { AcquireOptions } from '../../mechanisms/lease/patience.ts'
import { createBell } from '../../mechanisms/wake.ts'
import type { Notice } from '../kind.ts'

export interface LeadOptions {
  /** Steps down and ends the campaign, as `stop()` does. */
  signal?: AbortSignal | undefined
  /** How long this process leaves the office to others after its work ended by itself. Default: 1 s. */
  rest?: Duration | undefined
}

/** A campaign for an office that one process has at a time, until it is stopped. */
export interface Leadership extends AsyncDisposable {
  /** Whether this process is certainly the leader at this moment, by the monotonic clock. */
  isLeader(): boolean
  /** Of the present term of office. */
  readonly fence: bigint | undefined
  /** Resolves when the campaign is over and no work runs any more: it was stopped, or the client was closed. */
  readonly ended: Promise<void>
  /** Steps down: fires the signal of the work, waits for its end, and lets another be elected. */
  stop(): Promise<void>
}

/** What the leader does. */
export type Term = (office: Pick<Holding, 'signal' | 'fence'>) => unknown

interface LeadershipParts {
  readonly namespace: string
  readonly key: string
  readonly clock: Clock
  acquire(options: AcquireOptions): Promise<Held | undefined>
  notify(notice: Notice): void
}

/** Between two campaigns of which the first failed, in milliseconds. */
const afterFailure = 500

/** @throws KeyplanError PARAM_INVALID */
export function createLeadership(
  { namespace, key, clock, acquire, notify }: LeadershipParts,
  work: Term,
  { signal, rest = '1s' }: LeadOptions,
): Leadership {
  const mark = keyMark(key)
  const restMs = durationMs(rest, 'rest', shown)
  const stopping = new AbortController()
  const bell = createBell(clock, true)
  let held: Held | undefined

  function stop(): void {
    stopping.abort(new KeyplanError('ABORTED', `The leader of ${namespace} was asked to step down`, { namespace }))
    bell.ring()
  }
  const unlink = signal && onAbort(signal, stop)
  if (signal?.aborted) stop()

  async function campaign(): Promise<void> {
    let failing = false
    while (!stopping.signal.aborted) {
      try {
        held = await acquire({ wait: '1h', signal: stopping.signal })
        failing = false
      } catch (error) {
        if (stopping.signal.aborted || isKeyplanError(error, 'CLOSED')) return
        if (!failing) notify({ type: 'campaign-failed', namespace, mark, error: errorOf(error) })
        failing = true
        await bell.wait(afterFailure * (0.8 + 0.4 * Math.random()))
      }
      if (!held) continue
      const byItself = await govern(held)
      held = undefined
      if (byItself && !stopping.signal.aborted) await bell.wait(restMs)
    }
  }

  /** One term of office. Whether it ended because the work did. */
  async function govern(office: Held): Promise<boolean> {
    let deposed = false
    const depose = (reason: 'lost' | 'stopped' | 'resigned' | 'failed', error?: Error) => {
      if (!deposed) notify({ type: 'deposed', namespace, mark, fence: office.fence, reason, error })
      deposed = true
    }
    notify({ type: 'elected', namespace, mark, fence: office.fence })
    const unheard = onAbort(office.signal, () => depose('lost', office.signal.reason))
    const either = eitherSignal(office.signal, stopping.signal)
    try {
      await work(bigintsAsText({ signal: either.signal, fence: office.fence }))
      depose(either.signal.aborted ? 'stopped' : 'resigned')
    } catch (error) {
      // Work that was told to end may end by throwing.
      if (either.signal.aborted) depose('stopped')
      else depose('failed', errorOf(error))
    } finally {
      unheard()
      either.forget()
      await office[Symbol.asyncDispose]()
    }
    return !either.signal.aborted
  }

  const letGo = keepAlive()
  const ended = campaign().finally(() => {
    unlink?.()
    letGo()
  })
  const end = async () => {
    stop()
    await ended
  }
  return bigintsAsText({
    isLeader: () => held !== undefined && held.remaining() > 0,
    get fence() {
      return held?.fence
    },
    ended,
    stop: end,
    [Symbol.asyncDispose]: end,
  })
}
