import { checkOptions } from '../../base/call.ts'
import { eitherSignal } from '../../base/either-signal.ts'
import { isKeyplanError, KeyplanError, kindOf } from '../../base/error.ts'
import { onAbort } from '../../base/on-abort.ts'
import { createBell, type Wake } from '../../mechanisms/wake.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { AcquireOptions, Held, Lock, LockNamespace } from './contract.ts'
import { createCustody, type LockStores } from './custody.ts'
import { createLine } from './line.ts'
import type { LockNames } from './names.ts'
import { patienceOf, within } from './patience.ts'
import type { LockSettings } from './settings.ts'

const acquireOptions = ['attempts', 'delay', 'wait'] as const satisfies readonly (keyof AcquireOptions)[]

/** `wakes` are where notices of release are heard. */
export function openLocks(
  settings: LockSettings,
  stores: LockStores,
  wakes: readonly Wake[],
  names: LockNames,
  surroundings: Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'server' | 'notify'>,
): Opened<LockNamespace> {
  const { name, pattern, clock } = surroundings
  const custody = createCustody(settings, stores, surroundings)
  const line = createLine(wakes, names.wake)
  const waiting = new Set<() => void>()

  async function acquire(key: string, options: AcquireOptions): Promise<Held | undefined> {
    checkOptions(options, acquireOptions)
    const { signal } = options
    const patience = patienceOf(settings, options)
    const started = clock.now()
    const bell = createBell(clock, true)
    const place = line.join(key, bell)
    let held: Held | undefined
    let wasBusy = false
    const unlink = signal && onAbort(signal, bell.ring)
    waiting.add(bell.ring)
    try {
      for (;;) {
        let pause = started + patience.wait - clock.now()
        // The first in line asks at least once, however short its wait is.
        if (pause < 1 && (wasBusy || !place.first)) return undefined
        if (place.mayAsk()) {
          const answer = await custody.ask(
            key,
            within(patience.deadline && started + patience.deadline - clock.now(), signal),
          )
          if ('release' in answer) {
            held = answer
            return held
          }
          wasBusy = true
          place.listen()
          pause = Math.min(pause, patience.poll(), (answer.remainingMs ?? Number.POSITIVE_INFINITY) + 1)
        } else {
          custody.check(signal)
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
      unlink?.()
      waiting.delete(bell.ring)
    }
  }

  function open(key: string): Lock {
    return {
      async tryAcquire(options = {}) {
        checkOptions(options, acquireOptions)
        const answer = await custody.ask(key, options)
        return 'release' in answer ? answer : undefined
      },
      acquire: async (options = {}) => acquire(key, options),
      async run(work, options = {}) {
        if (typeof work !== 'function') {
          const given = `run() of '${pattern.source}' was given ${kindOf(work)}`
          throw new KeyplanError('PARAM_INVALID', `${given}; give it a function that does the work`)
        }
        await using held = await acquire(key, options)
        if (!held) {
          const { wait } = patienceOf(settings, options)
          throw new KeyplanError(
            'LOCK_BUSY',
            `The lock ${name} is held by another and did not come free within ${wait} ms`,
            { namespace: name, operation: 'acquire', outcome: 'not-executed' },
          )
        }
        const { fence, degraded } = held
        if (!options.signal) return await work({ signal: held.signal, fence, degraded })
        const { signal, forget } = eitherSignal(held.signal, options.signal)
        try {
          return await work({ signal, fence, degraded })
        } finally {
          forget()
        }
      },
      async isLocked(options = {}) {
        checkOptions(options)
        return (await custody.inspect(options, key)).locked
      },
      async inspect(options = {}) {
        checkOptions(options)
        return custody.inspect(options, key)
      },
    }
  }

  return {
    client: params => open(pattern.format(params)),
    async close() {
      const closing = custody.close()
      for (const ring of waiting) ring()
      await closing
    },
  }
}
