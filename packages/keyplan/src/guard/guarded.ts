import type { Call, CallOptions } from '../base/call.ts'
import { type Guard, keyOf, type Scope } from './guard.ts'
import type { Operations } from './operation.ts'

/** A store whose steps take what the caller said of the call in place of the guard's terms. */
export type Guarded<Store> = {
  readonly [Step in keyof Store]: Store[Step] extends (call: Call, ...args: infer Args) => infer Result
    ? (options: CallOptions | undefined, ...args: Args) => Result
    : never
}

/**
 * Puts the guard around every step of a store, as the kind's operations table says. `fallback` answers for a step
 * when Redis cannot (`whenDown`); a step it lacks rejects. Where a step has a fallback the call does not wait for a
 * link that is down.
 */
export function guarded<Store extends object>(
  namespace: string,
  store: Store,
  operations: Operations<Store>,
  guard: Guard,
  fallback: Partial<Store> = {},
): Guarded<Store> {
  type Step = (call: Call, ...args: unknown[]) => Promise<unknown>
  const steps: Record<string, unknown> = {}
  for (const name of Object.keys(operations) as (keyof Store & string)[]) {
    const step = store[name] as Step
    const answer = fallback[name] as Step | undefined
    const subject = { namespace, name, operation: operations[name] }
    steps[name] = (options: CallOptions | undefined, ...args: unknown[]) =>
      guard.run(
        subject,
        options,
        call => step(call, ...args),
        answer && (call => answer(call, ...args)),
        scopeOf(args[0]),
      )
  }
  return steps as Guarded<Store>
}

/** The first argument of a step is its key, or a list of keys or of requests with one, all on the same server. */
function scopeOf(subject: unknown): Scope {
  if (!Array.isArray(subject)) return { key: keyOf(subject) }
  return { key: keyOf(subject[0]), calls: subject.length, subjects: subject }
}
