import { randomUUID } from 'node:crypto'
import type { CallOptions } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Surroundings } from '../kind.ts'
import { type Claim, createClaim, isDoubtful } from './claim.ts'
import type { Held, LockState } from './contract.ts'
import { createHeld, type HeldLock } from './held.ts'
import { within } from './patience.ts'
import type { LockSettings } from './settings.ts'
import type { LockStore } from './store.ts'
import { createTrips } from './trips.ts'
import { createUnderWay } from './under-way.ts'
import { createWithdrawals } from './withdrawal.ts'

export interface LockStores {
  /** Where locks are asked for. Its `acquire` may answer with a degraded one. */
  readonly main: Guarded<LockStore>
  /** Where a degraded lock lies: it is renewed and released there, also when Redis is back. */
  readonly local: Guarded<LockStore>
  /** What this process holds, by key. */
  readonly holding: Map<string, HeldLock>
}

export interface Busy {
  readonly remainingMs: number | undefined
}

/** Takes locks, looks after what is held, and leaves nothing behind of what came to nothing. */
export interface Custody {
  /** Asks once. */
  ask(key: string, options: CallOptions): Promise<Held | Busy>
  /** @throws KeyplanError CLOSED or ABORTED when there is no use in asking */
  inspect(options: CallOptions | undefined, key: string): Promise<LockState>
  check(signal: AbortSignal | undefined): void
  /** Gives up what is held, without releasing it: its work may go on. What is being asked for is withdrawn. */
  close(): Promise<void>
}

/** A release that nobody waits for goes on in the background after this time. */
const quickRelease: CallOptions = { deadline: '500ms' }

/** How long closing waits for what is under way, in milliseconds. */
const longestClose = 500

export function createCustody(
  settings: LockSettings,
  { main, local, holding }: LockStores,
  { name, clock, instance, server, notify }: Pick<Surroundings, 'name' | 'clock' | 'instance' | 'server' | 'notify'>,
): Custody {
  const underWay = createUnderWay(clock)
  const withdrawals = createWithdrawals(main, settings.ttlMs, clock, underWay)
  const trips = createTrips(main, settings.ttlMs, server?.lane)
  let closed = false
  let degraded = false

  const failure = (code: 'ABORTED' | 'CLOSED', message: string, cause?: unknown) =>
    new KeyplanError(code, message, { namespace: name, operation: 'acquire', outcome: 'not-executed', cause })

  function check(signal: AbortSignal | undefined): void {
    if (closed) throw failure('CLOSED', 'The client is closed')
    if (signal?.aborted) throw failure('ABORTED', 'The call was aborted by its signal', signal.reason)
  }

  async function ask(key: string, options: CallOptions): Promise<Held | Busy> {
    check(options.signal)
    const mine = holding.get(key)
    if (mine?.degraded) return { remainingMs: mine.remaining() }
    const claim = createClaim(`${instance}/${randomUUID()}`)
    let kept = false
    underWay.begin()
    try {
      const answer = await trips.acquire(options, { key, claim })
      if (!answer.granted) return answer
      const rival = holding.get(key)
      if (closed) check(undefined)
      // While the server was asked, another caller of this process fell back to it.
      if (rival?.degraded && !answer.degraded) return { remainingMs: rival.remaining() }
      kept = !answer.degraded
      warn(answer.degraded)
      return hold(key, claim, answer)
    } finally {
      if (!kept && (claim.granted || isDoubtful(claim))) withdrawals.start(key, claim)
      underWay.end()
    }
  }

  function warn(isDegraded: boolean): void {
    if (isDegraded && !degraded) notify({ type: 'lock-degraded', namespace: name })
    degraded = isDegraded
  }

  function hold(key: string, claim: Claim, grant: { fence: string; until: number; degraded: boolean }): Held {
    const home = grant.degraded ? local : main
    async function release(options?: CallOptions): Promise<boolean> {
      let sure = false
      try {
        const freed = await (grant.degraded
          ? local.release(options, key, claim)
          : trips.release(options, { key, claim }))
        sure = grant.degraded || !isDoubtful(claim)
        return freed
      } finally {
        if (!sure) withdrawals.start(key, claim)
      }
    }
    const held = createHeld({
      clock,
      namespace: name,
      ttlMs: settings.ttlMs,
      renew: settings.renew,
      fence: BigInt(grant.fence),
      degraded: grant.degraded,
      until: grant.until,
      extend(ttlMs, deadlineMs) {
        trips.flush()
        return home.extend(within(deadlineMs), key, claim, ttlMs)
      },
      release: () => release(),
      letGo: () =>
        release(quickRelease).then(
          () => {},
          error => notify({ type: 'lock-release-failed', namespace: name, error }),
        ),
      onEnd(reason) {
        if (holding.get(key) === held) holding.delete(key)
        if (reason) notify({ type: 'lock-lost', namespace: name, error: reason })
      },
    })
    holding.set(key, held)
    return held
  }

  return {
    ask,
    inspect(options, key) {
      trips.flush()
      return main.inspect(options, key)
    },
    check,
    async close() {
      closed = true
      for (const held of [...holding.values()]) held.lose('the client was closed')
      withdrawals.close()
      // Where Redis does not answer, what is left there ends with its time to live.
      await underWay.over(longestClose)
    },
  }
}
