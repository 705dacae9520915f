import { tracingChannel } from 'node:diagnostics_channel'
import type { Subject } from './guard.ts'

/**
 * `tracing:keyplan:operation:*` of node:diagnostics_channel: one trace for each guarded operation, a gathered batch
 * being one. The context is `{ namespace, name, operation }`; it never holds keys, values or credentials.
 */
const operations = tracingChannel<Subject, Subject>('keyplan:operation')
const { start, end, asyncStart, asyncEnd, error } = operations

const isHeard = () =>
  start.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers

/** Costs a few checks when nobody listens. */
export function traced<T>(subject: Subject, run: () => Promise<T>): Promise<T> {
  return isHeard() ? withoutResult(subject, run) : run()
}

/** The channel puts what the promise resolves with into the context: that must not be what was read. */
async function withoutResult<T>(subject: Subject, run: () => Promise<T>): Promise<T> {
  let result!: T
  await operations.tracePromise(
    async () => {
      result = await run()
    },
    { ...subject },
  )
  return result
}
