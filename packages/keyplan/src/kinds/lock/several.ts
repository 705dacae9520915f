import { type CallOptions, checkOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { formatDuration } from '../../base/duration.ts'
import { checkWork, employ } from '../../mechanisms/lease/employ.ts'
import type { Held } from '../../mechanisms/lease/held.ts'
import { acquireOptions, type Leases, leaseBusy } from '../../mechanisms/lease/leases.ts'
import { type AcquireOptions, patienceOf, type RetrySettings } from '../../mechanisms/lease/patience.ts'
import type { Wanted } from '../../mechanisms/lease/steps.ts'
import type { HeldSet, LockSet } from './contract.ts'

interface SetParts {
  readonly namespace: string
  readonly pattern: { readonly source: string }
  readonly clock: Clock
  readonly retry: RetrySettings | undefined
  readonly leases: Pick<Leases<Wanted>, 'tryAcquire' | 'acquire'>
}

/** @param asked may name a key more than once */
export function openSet({ namespace, pattern, clock, retry, leases }: SetParts, asked: readonly string[]): LockSet {
  const keys = [...new Set(asked)].sort()

  async function take(wait: number, { signal, deadline }: CallOptions): Promise<HeldSet | undefined> {
    const held = await acquireAll({ clock, leases }, keys, wait, { signal, deadline })
    const order = held && asked.map(key => held[keys.indexOf(key)]!)
    return order && createHeldSet(held, order)
  }
  const patiently = (options: AcquireOptions) => take(patienceOf(retry, options).wait, options)

  return {
    async tryAcquire(options = {}) {
      checkOptions(options, acquireOptions)
      return take(0, options)
    },
    async acquire(options = {}) {
      checkOptions(options, acquireOptions)
      return patiently(options)
    },
    async run(work, options = {}) {
      checkWork(work, 'run', pattern)
      checkOptions(options, acquireOptions)
      await using set = await patiently(options)
      if (!set) {
        const { wait } = patienceOf(retry, options)
        const what = `One of ${keys.length} locks ${namespace} is held by another, and they did not come free`
        throw leaseBusy(namespace, what, wait)
      }
      return await employ({ signal: set.signal, locks: set.locks }, work, options.signal)
    },
  }
}

/**
 * Takes all of them, or none. What is free is asked for in one round trip. Who waits for a lock holds only such as come
 * before it in the order of their keys, so that no circle of waiters can come about.
 *
 * @param keys sorted, each once
 * @param wait milliseconds; 0 asks once
 */
async function acquireAll(
  { clock, leases }: Pick<SetParts, 'clock' | 'leases'>,
  keys: readonly string[],
  wait: number,
  options: CallOptions,
): Promise<readonly Held[] | undefined> {
  const end = clock.now() + wait
  const held: Held[] = []
  let complete = false
  /** One that was lost while another was waited for is given up with all that come after it, and asked for again. */
  async function hasAll(): Promise<boolean> {
    const lost = held.findIndex(one => one.remaining() === 0)
    if (lost >= 0) await letGo(held.splice(lost))
    complete = held.length === keys.length
    return complete
  }
  try {
    for (;;) {
      const answers = await Promise.allSettled(keys.slice(held.length).map(key => leases.tryAcquire({ key }, options)))
      const beyond = takeUntilGap(answers, held)
      await letGo(beyond)
      for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
      if (await hasAll()) return held
      const left = Math.floor(end - clock.now())
      if (left < 1) return undefined
      const rest = formatDuration(left)
      const deadline = options.deadline && rest
      const next = await leases.acquire({ key: keys[held.length]! }, { signal: options.signal, deadline, wait: rest })
      if (!next) return undefined
      held.push(next)
      if (await hasAll()) return held
    }
  } finally {
    if (!complete) await letGo(held)
  }
}

/** Puts what was had up to the first that was not into `held`, and gives the rest. */
function takeUntilGap(answers: readonly PromiseSettledResult<Held | undefined>[], held: Held[]): readonly Held[] {
  const beyond: Held[] = []
  let gap = false
  for (const answer of answers) {
    const one = answer.status === 'fulfilled' ? answer.value : undefined
    if (!one) gap = true
    else if (gap) beyond.push(one)
    else held.push(one)
  }
  return beyond
}

/** In reverse order, in one round trip. A release that fails goes on in the background. */
async function letGo(held: readonly Held[]): Promise<void> {
  await Promise.all([...held].reverse().map(one => one[Symbol.asyncDispose]()))
}

/** @param order which of `held` belongs to each that was asked for */
function createHeldSet(held: readonly Held[], order: readonly Held[]): HeldSet {
  let controller: AbortController | undefined
  function signal(): AbortSignal {
    if (controller) return controller.signal
    const made = new AbortController()
    controller = made
    for (const one of held) {
      const lose = () => made.abort(one.signal.reason)
      if (one.signal.aborted) lose()
      else one.signal.addEventListener('abort', lose, { once: true })
    }
    return made.signal
  }
  return {
    locks: order,
    get signal() {
      return signal()
    },
    remaining: () => Math.min(...held.map(one => one.remaining())),
    async release() {
      const released = await Promise.all([...held].reverse().map(one => one.release()))
      return released.every(Boolean)
    },
    [Symbol.asyncDispose]: () => letGo(held),
  }
}
