import { collect } from '../../base/collect.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type { RetrySettings } from '../../mechanisms/lease/patience.ts'

/** The options with their defaults, in milliseconds. */
export interface LockSettings {
  readonly ttlMs: number
  readonly retry: RetrySettings | undefined
  readonly renew: boolean
  /** Undefined where one server decides. */
  readonly quorum: QuorumSettings | undefined
}

export interface QuorumSettings {
  /** How long a server must have been up before it votes. */
  readonly restMs: number
}

export function quorumOf(
  quorum: boolean | { restartDelay?: Duration | undefined } | undefined,
  problems: string[],
): QuorumSettings | undefined {
  if (quorum === undefined || quorum === false) return undefined
  if (quorum === true) return { restMs: 0 }
  if (typeof quorum !== 'object') {
    problems.push(`quorum is ${shown(quorum)}; write true, false or { restartDelay }`)
    return undefined
  }
  problems.push(...groupProblems(quorum, 'quorum', ['restartDelay']))
  const { restartDelay } = quorum ?? {}
  if (restartDelay === undefined) return { restMs: 0 }
  return { restMs: collect(problems, () => durationMs(restartDelay, 'quorum.restartDelay', shown), 0) }
}
