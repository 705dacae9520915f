import { randomUUID } from 'node:crypto'
import type { CallOptions } from '../../base/call.ts'
import type { Duration } from '../../base/duration.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createBell, type Wake } from '../../mechanisms/wake.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import { type Claim, createClaim, isDoubtful } from './claim.ts'
import type { AcquireOptions, Held, Lock, LockNamespace, LockSettings, LockStore } from './contract.ts'
import { createHeld, type HeldLock } from './held.ts'
import { createLine } from './line.ts'
import type { LockNames } from './names.ts'
import { patienceOf } from './patience.ts'
import { createWithdrawals } from './withdrawal.ts'

export interface LockStores {
  /** Where locks are asked for. Its `acquire` may answer with a degraded one. */
  readonly main: Guarded<LockStore>
  /** Where a degraded lock lies: it is renewed and released there, also when Redis is back. */
  readonly local: Guarded<LockStore>
  readonly wakes: readonly Wake[]
  /** What this process holds, by key. */
  readonly holding: Map<string, HeldLock>
}

interface Busy {
  readonly remainingMs: number | undefined
}

/** A release that nobody waits for goes on in the background after this time. */
const quickRelease: CallOptions = { deadline: '500ms' }

export function openLocks(
  settings: LockSettings,
  { main, local, wakes, holding }: LockStores,
  names: LockNames,
  {
    name,
    pattern,
    clock,
    instance,
    notify,
  }: Pick<Surroundings, 'name' | 'clock' | 'instance' | 'notify'> & {
    pattern: Pick<Pattern, 'format'>
  },
): Opened<LockNamespace<string>> {
  const line = createLine(wakes, names.wake)
  const withdrawals = createWithdrawals(main, settings.ttlMs, clock)
  const waiting = new Set<() => void>()
  let closed = false
  let degraded = false

  const failure = (code: 'ABORTED' | 'CLOSED' | 'LOCK_BUSY', message: string, cause?: unknown) =>
    new KeyplanError(code, message, { namespace: name, operation: 'acquire', outcome: 'not-executed', cause })

  function check(signal: AbortSignal | undefined): void {
    if (closed) throw failure('CLOSED', 'The client is closed')
    if (signal?.aborted) throw failure('ABORTED', 'The call was aborted by its signal', signal.reason)
  }

  /** Asks once. What the server may hold for a claim that came to nothing is withdrawn. */
  async function ask(key: string, options: CallOptions): Promise<Held | Busy> {
    check(options.signal)
    const mine = holding.get(key)
    if (mine?.degraded) return { remainingMs: mine.remaining() }
    const claim = createClaim(`${instance}/${randomUUID()}`)
    let kept = false
    try {
      const answer = await main.acquire(options, key, claim, settings.ttlMs)
      if (!answer.granted) return answer
      const rival = holding.get(key)
      if (closed) throw failure('CLOSED', 'The client is closed')
      // While the server was asked, another caller of this process fell back to it.
      if (rival?.degraded && !answer.degraded) return { remainingMs: rival.remaining() }
      kept = !answer.degraded
      warn(answer.degraded)
      return hold(key, claim, answer)
    } finally {
      if (!kept && (claim.granted || isDoubtful(claim))) withdrawals.start(key, claim)
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
        const freed = await home.release(options, key, claim)
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
      extend: (ttlMs, deadlineMs) => home.extend(within(deadlineMs), key, claim, ttlMs),
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

  async function acquire(key: string, options: AcquireOptions): Promise<Held | undefined> {
    const { signal } = options
    const patience = patienceOf(settings, options)
    const started = clock.now()
    const bell = createBell(clock)
    const place = line.join(key, bell)
    let held: Held | undefined
    let wasBusy = false
    signal?.addEventListener('abort', bell.ring)
    waiting.add(bell.ring)
    try {
      for (;;) {
        let pause = started + patience.wait - clock.now()
        // The first in line asks at least once, however short its wait is.
        if (pause < 1 && (wasBusy || !place.first)) return undefined
        if (place.mayAsk()) {
          const answer = await ask(key, within(patience.deadline && started + patience.deadline - clock.now(), signal))
          if ('release' in answer) {
            held = answer
            return held
          }
          wasBusy = true
          place.listen()
          pause = Math.min(pause, patience.poll(), (answer.remainingMs ?? Number.POSITIVE_INFINITY) + 1)
        } else {
          check(signal)
          if (place.first) pause = Math.min(pause, patience.poll())
        }
        await bell.wait(pause)
      }
    } catch (error) {
      const outOfTime = patience.deadline !== undefined && clock.now() >= started + patience.deadline
      if (wasBusy && outOfTime && isKeyplanError(error, 'TIMEOUT')) return undefined
      throw error
    } finally {
      place.leave(held !== undefined)
      signal?.removeEventListener('abort', bell.ring)
      waiting.delete(bell.ring)
    }
  }

  function open(key: string): Lock {
    return {
      async tryAcquire(options = {}) {
        const answer = await ask(key, options)
        return 'release' in answer ? answer : undefined
      },
      acquire: async (options = {}) => acquire(key, options),
      async run(work, options = {}) {
        await using held = await acquire(key, options)
        if (!held) {
          const { wait } = patienceOf(settings, options)
          throw failure('LOCK_BUSY', `The lock ${name} is held by another and did not come free within ${wait} ms`)
        }
        const { fence, degraded } = held
        const signal = options.signal ? AbortSignal.any([held.signal, options.signal]) : held.signal
        return await work({ signal, fence, degraded })
      },
      async isLocked(options) {
        return (await main.inspect(options, key)).locked
      },
      inspect: async options => main.inspect(options, key),
    }
  }

  return {
    client: params => open(pattern.format(params)),
    async close() {
      closed = true
      for (const ring of waiting) ring()
      for (const held of [...holding.values()]) held.lose('the client was closed')
      withdrawals.close()
    },
  }
}

function within(ms: number | undefined, signal?: AbortSignal): CallOptions {
  return { signal, deadline: ms === undefined ? undefined : (`${Math.max(1, Math.floor(ms))}ms` as Duration) }
}
