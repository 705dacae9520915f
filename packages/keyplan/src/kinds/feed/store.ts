import type { Operations } from '../../guard/operation.ts'
import type { Log } from '../../mechanisms/log/log.ts'

/** A feed is a log: its store is the mechanism's own, on Redis or in memory. */
export const feedOperations: Operations<Log> = {
  append: { idempotent: false, write: true },
  range: { idempotent: true, write: false },
  count: { idempotent: true, write: false },
  // Sent again, it might remove what was appended since.
  remove: { idempotent: false, write: true },
}
