import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type { StreamSettings } from './settings.ts'
import type { BatchOptions, WorkOptions } from './work-contract.ts'

/** The options of a worker with their defaults; times in milliseconds. */
export interface WorkSettings {
  readonly concurrency: number
  readonly prefetch: number
  /** Undefined: the handler takes one entry. */
  readonly batch: number | undefined
  readonly orderBy: ((value: never) => unknown) | undefined
  readonly timeoutMs: number
  readonly graceMs: number
  readonly consumer: string | undefined
}

const known = ['concurrency', 'prefetch', 'batch', 'orderBy', 'timeout', 'grace', 'consumer']
const printable = /^[\w.-]{1,100}$/

/** @throws KeyplanError PARAM_INVALID */
export function workSettingsOf(
  options: Partial<WorkOptions<never> & BatchOptions<never>>,
  handler: unknown,
  stream: Pick<StreamSettings, 'batch'>,
): WorkSettings {
  const [problem] = groupProblems(options, '', known)
  if (problem) throw misuse(problem)
  if (typeof handler !== 'function')
    throw misuse(`work() was given ${kindOf(handler)}; give it a function that handles`)
  const { orderBy, consumer } = options
  const count = (name: 'concurrency' | 'prefetch' | 'batch', otherwise: number, least: number) => {
    const value = options[name] ?? otherwise
    if (Number.isSafeInteger(value) && value >= least && value <= 100_000) return value
    throw misuse(`${name} is ${shown(value)}; give a whole number from ${least} to 100000`)
  }
  const ms = (value: Duration | undefined, name: string, otherwise: number) =>
    value === undefined ? otherwise : durationMs(value, name, shown)
  if (orderBy !== undefined && typeof orderBy !== 'function') {
    throw misuse(`orderBy is ${shown(orderBy)}; give a function from a value to a text`)
  }
  if (orderBy && options.batch !== undefined) throw misuse('orderBy handles one entry at a time; leave batch out')
  if (consumer !== undefined && (typeof consumer !== 'string' || !printable.test(consumer))) {
    throw misuse(`consumer is ${shown(consumer)}; use up to 100 letters, digits, _, . and -`)
  }
  const batch = options.batch === undefined ? undefined : count('batch', 1, 1)
  return {
    concurrency: count('concurrency', 10, 1),
    prefetch: count('prefetch', Math.max(stream.batch, batch ?? 0), 0),
    batch,
    orderBy,
    timeoutMs: ms(options.timeout, 'timeout', 300_000),
    graceMs: ms(options.grace, 'grace', 10_000),
    consumer,
  }
}

const misuse = (message: string) => new KeyplanError('PARAM_INVALID', message)
