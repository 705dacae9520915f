import { tracingChannel } from 'node:diagnostics_channel'
import type { Subject } from './guard.ts'

/**
 * `tracing:keyplan:operation:*` of node:diagnostics_channel: one trace for each guarded operation, a gathered batch
 * being one. The context is `{ namespace, name, operation }`; it never holds keys, values or credentials.
 */
const operations = tracingChannel<Subject, Subject>('keyplan:operation')

/** Costs one check when nobody listens. */
export function traced<T>(subject: Subject, run: () => Promise<T>): Promise<T> {
  if (!operations.start.hasSubscribers && !operations.asyncEnd.hasSubscribers) return run()
  return operations.tracePromise(run, { ...subject })
}
