import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import { StartProblem } from '../start-problem.ts'
import { type Database, isDatabaseDown } from './database.ts'

export interface ReachableOptions {
  /** The variable that says where the database is. */
  readonly variable: string
  readonly log: Log
}

const patienceMs = 30_000
const tryEveryMs = 200

const reason = (error: unknown) =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error))

/**
 * Does the first work in a database that may still be starting: tries for 30 s, and says so once.
 *
 * @throws StartProblem when it cannot be reached in this time, or at once when it refuses
 */
export async function whenReachable(
  database: Database,
  { variable, log }: ReachableOptions,
  work: () => Promise<void>,
): Promise<void> {
  const until = performance.now() + patienceMs
  for (let waiting = false; ; waiting = true) {
    try {
      await work()
      if (waiting) log(`[Database] PostgreSQL at ${database.server} is there`)
      return
    } catch (error) {
      if (!isDatabaseDown(error)) {
        const why = error instanceof Error ? error.message : String(error)
        throw new StartProblem(`PostgreSQL at ${database.server} refuses: ${why}; correct ${variable}`, 77)
      }
      if (performance.now() > until) {
        const why = `cannot be reached (${reason(error)})`
        throw new StartProblem(`PostgreSQL at ${database.server} ${why}; start it, or correct ${variable}`, 69)
      }
      if (!waiting) log(`[Database] cannot reach PostgreSQL at ${database.server} (${reason(error)}); trying again`)
      await sleep(tryEveryMs)
    }
  }
}
