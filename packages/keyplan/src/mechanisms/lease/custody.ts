import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import { keyMark } from '../../base/key-mark.ts'
import { errorOf } from '../../base/thrown.ts'
import { createClaim, isDoubtful } from './claim.ts'
import { createHeld, type Held, type HeldLease } from './held.ts'
import { within } from './patience.ts'
import type { Busy, Grant, LeaseSteps, Request, Seat, Wanted } from './steps.ts'
import { createUnderWay } from './under-way.ts'
import { createWithdrawals } from './withdrawal.ts'

/** Takes leases, looks after what is held, and leaves nothing behind of what came to nothing. */
export interface Custody<W extends Wanted> {
  /** Asks once. */
  ask(wanted: W, options: CallOptions, seat?: Seat): Promise<Held | Busy>
  /** Gives up this process's place in line, in the background. */
  leave(key: string): void
  /** @throws KeyplanError CLOSED or ABORTED when there is no use in asking */
  check(signal: AbortSignal | undefined): void
  figures(): LeaseFigures
  /** Gives up what is held, without releasing it: its work may go on. What is being asked for is withdrawn. */
  close(): Promise<void>
}

/** What became of the leases of a namespace since the client was opened. */
export interface LeaseFigures {
  /** Held at this moment. */
  readonly held: number
  readonly acquired: number
  /** Lost before they were released. */
  readonly lost: number
  /** Renewals that failed. The lease lives on for as long as a later one can still succeed. */
  readonly renewalFailures: number
}

type Noun = 'lock' | 'permit'

/** What became of something that was held. */
export interface LeaseNotice {
  readonly type: `${Noun}-lost` | `${Noun}-release-failed` | `${Noun}-renewal-failed`
  readonly namespace: string
  /** Stands for the key, which is never told: `redis.<namespace>.mark(params)` gives the same in this process. */
  readonly mark: string
  readonly error: Error
}

/** What a kind is to its custody. */
export interface LeaseKind<W extends Wanted> {
  /** What is held, for messages and the names of notices: a `lock`. */
  readonly noun: Noun
  readonly ttlMs: number
  readonly renew: boolean
  readonly steps: LeaseSteps<W>
  /** Why a grant is not kept after all; it is withdrawn then. */
  objection?(wanted: W, grant: Grant): Busy | undefined
  began?(request: Request<W>, held: HeldLease): void
  ended?(request: Request<W>, held: HeldLease): void
}

/** The namespace it is for, as far as custody must know it. */
export interface LeaseSurroundings {
  readonly name: string
  readonly clock: Clock
  /** Unique to this client and not to be guessed: part of every owner token. */
  readonly instance: string
  notify(notice: LeaseNotice): void
}

/** What nobody waits for goes on in the background, or is given up, after this time. */
const quickRelease: CallOptions = { deadline: '500ms' }

/** How long closing waits for what is under way, in milliseconds. */
const longestClose = 500

export function createCustody<W extends Wanted>(
  kind: LeaseKind<W>,
  { name, clock, instance, notify }: LeaseSurroundings,
): Custody<W> {
  const { noun, ttlMs, renew, steps } = kind
  const underWay = createUnderWay(clock)
  const withdrawals = createWithdrawals(steps, ttlMs, clock, underWay)
  const holding = new Set<HeldLease>()
  const counts = { acquired: 0, lost: 0, renewalFailures: 0 }
  /** Those whose last renewal failed. An outage is told once, however many it meets, and is over when there are none. */
  const failing = new Set<HeldLease>()
  let claims = 0
  let closed = false

  const failure = (code: 'ABORTED' | 'CLOSED', message: string, cause?: unknown) =>
    new KeyplanError(code, message, { namespace: name, operation: 'acquire', outcome: 'not-executed', cause })

  function check(signal: AbortSignal | undefined): void {
    if (closed) throw failure('CLOSED', 'The client is closed')
    if (signal?.aborted) throw failure('ABORTED', 'The call was aborted by its signal', signal.reason)
  }

  async function ask(wanted: W, options: CallOptions, seat?: Seat): Promise<Held | Busy> {
    check(options.signal)
    const request: Request<W> = { ...wanted, claim: createClaim(`${instance}/${(++claims).toString(36)}`), seat }
    let kept = false
    underWay.begin()
    try {
      const answer = await steps.acquire(options, request)
      if (!answer.granted) return answer
      if (steps.confirm && !answer.degraded && !(await steps.confirm(request))) {
        return { granted: false, remainingMs: undefined }
      }
      if (closed) check(undefined)
      const objection = kind.objection?.(wanted, answer)
      if (objection) return objection
      kept = !answer.degraded
      return hold(request, answer)
    } finally {
      if (!kept && (request.claim.granted || isDoubtful(request.claim))) withdrawals.start(request)
      underWay.end()
    }
  }

  function hold(request: Request<W>, grant: Grant): Held {
    async function release(options?: CallOptions): Promise<boolean> {
      let sure = false
      try {
        const freed = await steps.release(options, request, grant)
        sure = grant.degraded || !isDoubtful(request.claim)
        return freed
      } finally {
        if (!sure) withdrawals.start(request)
      }
    }
    const tell = (what: 'lost' | 'release-failed' | 'renewal-failed', error: unknown) =>
      notify({ type: `${noun}-${what}`, namespace: name, mark: keyMark(request.key), error: errorOf(error) })
    let wasLost = false
    const held = createHeld({
      clock,
      noun,
      namespace: name,
      key: request.key,
      ttlMs,
      renew,
      fence: BigInt(grant.fence),
      degraded: grant.degraded,
      until: grant.until,
      extend: (ttl, deadlineMs) => steps.extend(within(deadlineMs), request, ttl, grant),
      release: () => release(),
      letGo: () =>
        release(quickRelease).then(
          () => {},
          // Of one that was lost it is told already that it is not held.
          error => {
            if (!wasLost) tell('release-failed', error)
          },
        ),
      onRenewal(error) {
        if (!error) return void failing.delete(held)
        counts.renewalFailures++
        if (failing.size === 0) tell('renewal-failed', error)
        failing.add(held)
      },
      onEnd(reason) {
        holding.delete(held)
        failing.delete(held)
        kind.ended?.(request, held)
        if (!reason) return
        counts.lost++
        wasLost = true
        tell('lost', reason)
      },
    })
    holding.add(held)
    counts.acquired++
    kind.began?.(request, held)
    return held
  }

  return {
    ask,
    leave(key) {
      if (!steps.leave) return
      underWay.begin()
      // A place that is not given up ends by itself.
      steps
        .leave(quickRelease, key)
        .catch(() => {})
        .finally(underWay.end)
    },
    check,
    figures: () => ({ held: holding.size, ...counts }),
    async close() {
      closed = true
      for (const held of [...holding]) held.lose('the client was closed')
      withdrawals.close()
      // Where Redis does not answer, what is left there ends with its time to live.
      await underWay.over(longestClose)
    },
  }
}
