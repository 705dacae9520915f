import { anySent, type CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { eitherSignal } from '../../base/either-signal.ts'
import { isKeyplanError, isUnavailable, KeyplanError } from '../../base/error.ts'
import { errorOf } from '../../base/thrown.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Claim } from '../../mechanisms/lease/claim.ts'
import type { ClaimTerms, MarkStore, Settlement } from '../../mechanisms/mark/store.ts'
import type { Notice } from '../kind.ts'
import type { OnceWork } from './contract.ts'
import { createCommit, isCommitted } from './effects.ts'
import { failureOf, sealFailure } from './failure.ts'
import type { Pursuits } from './pursuits.ts'
import type { OnceSettings } from './settings.ts'
import { createTenure, type Tenure } from './tenure.ts'
import { tokenOf } from './token.ts'

/** An operation that this process has claimed. */
export interface ClaimedOperation {
  readonly key: string
  readonly claim: Claim
  readonly terms: ClaimTerms
  readonly attempt: number
  /** Reading of the clock until which the lease certainly runs. */
  readonly until: number
}

interface RunParts<In, Out> {
  readonly namespace: string
  readonly source: string
  readonly settings: OnceSettings<In, Out>
  readonly steps: Guarded<MarkStore>
  readonly redis: Parameters<typeof createCommit>[0]
  readonly clock: Clock
  readonly pursuits: Pursuits
  readonly tenures: Set<Tenure>
  notify(notice: Notice): void
}

/** The answer to the work's own failure does not wait longer than this for Redis to note it. */
const quickly: CallOptions = { deadline: '500ms' }

/** Runs the work of a claimed operation and tells Redis how it ended. Gives the result as it is stored. */
export type RunClaimed<In> = (
  operation: ClaimedOperation,
  work: OnceWork<In>,
  signal: AbortSignal | undefined,
) => Promise<Stored>

export function createRun<In, Out>(parts: RunParts<In, Out>): RunClaimed<In> {
  const { namespace, source, settings, steps, redis, clock, pursuits, tenures, notify } = parts
  const { ttlMs, leaseMs, rerun, keepFailures, codec } = settings

  const settled = (
    { attempt, terms: { print } }: ClaimedOperation,
    ending: Settlement['ending'],
    value: Stored,
    commands: Settlement['commands'] = [],
  ): Settlement => ({
    ending,
    value,
    ttlMs,
    attempt,
    print,
    commands,
    unanswered: new Set(),
    broken: sealFailure({ name: 'KeyplanError', message: 'A command of its commit was refused after others had run' }),
  })

  const lost = (message: string, outcome: 'unknown' | 'not-executed') =>
    new KeyplanError('ONCE_LOST', `The operation of ${namespace} ${message}`, { namespace, operation: 'run', outcome })

  /** Goes on with what Redis could not be told, until another may have taken over. */
  function pursue(operation: ClaimedOperation, settlement: Settlement, error: unknown): void {
    notify({ type: 'once-not-settled', namespace, error: errorOf(error) })
    pursuits.start(() => steps.settle(undefined, operation.key, operation.claim, settlement).then(() => 0), leaseMs)
  }

  /** Notes that the work failed. What it threw is its caller's, whatever becomes of the note. */
  async function fail(operation: ClaimedOperation, error: unknown, keep: boolean): Promise<void> {
    const { key, claim } = operation
    if (keep) {
      const settlement = settled(operation, 'failed', sealFailure(failureOf(error)))
      await steps.settle(quickly, key, claim, settlement).catch(reason => pursue(operation, settlement, reason))
      return
    }
    const again = await steps.withdraw(quickly, key, claim).catch(() => leaseMs / 10)
    if (again > 0) pursuits.start(() => steps.withdraw(undefined, key, claim), leaseMs)
  }

  async function settle(operation: ClaimedOperation, settlement: Settlement): Promise<void> {
    const { key, claim } = operation
    const committing = settlement.commands.length > 0
    let ours: boolean
    try {
      ours = await steps.settle(undefined, key, claim, settlement)
    } catch (error) {
      // Nothing of the effect has happened: the same as if the work had failed.
      if (committing && isKeyplanError(error) && error.outcome === 'not-executed') {
        await fail(operation, error, keepFailures)
        throw error
      }
      if (isUnavailable(error)) pursue(operation, settlement, error)
      if (!isKeyplanError(error)) throw error
      const message = committing ? error.message : `The operation ran, and its result is not stored: ${error.message}`
      throw new KeyplanError(error.code, message, { namespace, operation: 'run', outcome: 'unknown', cause: error })
    }
    if (ours) return
    if (!committing) throw lost('was taken over while it ran', 'unknown')
    // One whose answer was lost may have run them, and the mark been lost since.
    if (anySent(settlement.unanswered)) {
      throw lost('was lost; whether its commands were run is not known', 'unknown')
    }
    throw lost('was forgotten, evicted or taken over; its commands were not run', 'not-executed')
  }

  return async (operation, work, callersSignal) => {
    const { key, claim, terms, attempt, until } = operation
    const tenure = createTenure({
      clock,
      namespace,
      leaseMs,
      mayLapse: rerun,
      until,
      renew: deadlineMs => steps.renew({ deadline: `${Math.max(1, Math.floor(deadlineMs))}ms` }, key, claim, terms),
    })
    tenures.add(tenure)
    const { signal, forget } = callersSignal
      ? eitherSignal(tenure.signal, callersSignal)
      : { signal: tenure.signal, forget: () => {} }
    let given: Awaited<ReturnType<typeof work>>
    try {
      given = await work({ token: tokenOf(key), attempt, signal, commit: createCommit(redis, key, source) })
    } catch (error) {
      tenure.end()
      // Work that heeded the signal did not fail: where it may be run again, that is what is left to do.
      const heeded = rerun && tenure.signal.aborted && error === tenure.signal.reason
      await fail(operation, error, keepFailures && !heeded)
      throw error
    } finally {
      tenure.end()
      tenures.delete(tenure)
      forget()
    }
    const { commands, result } = isCommitted(given) ? given : { commands: [], result: given }
    let value: Stored
    try {
      value = codec.encode(result)
    } catch (error) {
      // What was done without a commit is done: to run it again would not make its result storable.
      await fail(operation, error, keepFailures || commands.length === 0)
      throw error
    }
    await settle(operation, settled(operation, 'done', value, commands))
    return value
  }
}
