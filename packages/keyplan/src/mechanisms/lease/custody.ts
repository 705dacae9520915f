import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import { keyMark } from '../../base/key-mark.ts'
import { sharingTimers } from '../../base/shared-timers.ts'
import { errorOf } from '../../base/thrown.ts'
import { createClaim, isDoubtful } from './claim.ts'
import type { Held, HeldLease } from './held.ts'
import { type Keeper, Lease } from './lease.ts'
import { within } from './patience.ts'
import type { Busy, Grant, LeaseSteps, Request, Seat, Wanted } from './steps.ts'
import { createUnderWay } from './under-way.ts'
import { createWithdrawals } from './withdrawal.ts'

/** Takes leases, looks after what is held, and leaves nothing behind of what came to nothing. */
export interface Custody<W extends Wanted> {
  /** Asks once; where it is busy, gives what `busy` makes of that. */
  ask<T>(wanted: W, options: CallOptions, seat: Seat | undefined, busy: (busy: Busy) => T): Promise<Held | T>
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
  const origin = `${instance}/`
  let claims = 0
  let closed = false

  const failure = (code: 'ABORTED' | 'CLOSED', message: string, cause?: unknown) =>
    new KeyplanError(code, message, { namespace: name, operation: 'acquire', outcome: 'not-executed', cause })

  const isClosed = () => failure('CLOSED', 'The client is closed')

  function check(signal: AbortSignal | undefined): void {
    if (closed) throw isClosed()
    if (signal?.aborted) throw failure('ABORTED', 'The call was aborted by its signal', signal.reason)
  }

  function ask<T>(wanted: W, options: CallOptions, seat: Seat | undefined, busy: (busy: Busy) => T): Promise<Held | T> {
    try {
      check(options.signal)
    } catch (error) {
      return Promise.reject(error)
    }
    const request: Request<W> = { claim: createClaim(String(++claims), origin), seat, ...wanted }
    underWay.begin()
    return steps.acquire(options, request).then(
      answer => {
        if (!answer.granted) {
          drop(request)
          return busy(answer)
        }
        return steps.confirm && !answer.degraded ? confirmed(request, answer, busy) : keep(request, answer, busy)
      },
      error => {
        drop(request)
        throw error
      },
    )
  }

  async function confirmed<T>(request: Request<W>, grant: Grant, busy: (busy: Busy) => T): Promise<Held | T> {
    let safe: boolean | undefined
    try {
      safe = await steps.confirm?.(request)
    } catch (error) {
      drop(request)
      throw error
    }
    if (safe) return keep(request, grant, busy)
    drop(request)
    return busy({ granted: false, remainingMs: undefined })
  }

  function keep<T>(request: Request<W>, grant: Grant, busy: (busy: Busy) => T): Held | T {
    if (closed) {
      drop(request)
      throw isClosed()
    }
    const objection = kind.objection?.(request, grant)
    if (objection) {
      drop(request)
      return busy(objection)
    }
    if (grant.degraded) drop(request)
    else underWay.end()
    const held = new Lease(keeper, request, grant)
    holding.add(held)
    counts.acquired++
    kind.began?.(request, held)
    return held
  }

  /** What it may have got without its caller's knowing is given back. */
  function drop(request: Request<W>): void {
    if (request.claim.granted || isDoubtful(request.claim)) withdrawals.start(request)
    underWay.end()
  }

  function release({ request, grant }: Lease<Request<W>>, options: CallOptions | undefined): Promise<boolean> {
    return steps.release(options, request, grant).then(
      freed => {
        if (!grant.degraded && isDoubtful(request.claim)) withdrawals.start(request)
        return freed
      },
      error => {
        withdrawals.start(request)
        throw error
      },
    )
  }

  const tell = (what: 'lost' | 'release-failed' | 'renewal-failed', { request }: Lease<Request<W>>, error: unknown) =>
    notify({ type: `${noun}-${what}`, namespace: name, mark: keyMark(request.key), error: errorOf(error) })

  const keeper: Keeper<Lease<Request<W>>> = {
    clock,
    timers: sharingTimers(clock),
    noun,
    namespace: name,
    ttlMs,
    renew,
    extend: ({ request, grant }, ttl, deadlineMs) => steps.extend(within(deadlineMs), request, ttl, grant),
    release: held => release(held, undefined),
    letGo: held =>
      release(held, quickRelease).then(
        () => {},
        // Of one that was lost it is told already that it is not held.
        error => {
          if (!held.wasLost) tell('release-failed', held, error)
        },
      ),
    onRenewal(held, error) {
      if (!error) return void failing.delete(held)
      counts.renewalFailures++
      if (failing.size === 0) tell('renewal-failed', held, error)
      failing.add(held)
    },
    onEnd(held, reason) {
      holding.delete(held)
      failing.delete(held)
      kind.ended?.(held.request, held)
      if (!reason) return
      counts.lost++
      tell('lost', held, reason)
    },
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
