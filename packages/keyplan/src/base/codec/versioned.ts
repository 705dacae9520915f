import { groupProblems } from '../option-group.ts'
import { codecOf, type ValueSource } from './codec-of.ts'
import { type HeadedCodec, headed } from './headed.ts'

export interface VersionOptions<In> {
  /** The version that is written, from 1. A stored value without a version is 0. */
  version: number
  /**
   * Brings an older value to what a write takes today. It is given the value as it is stored (parsed, for JSON) and
   * its version. Without it older values do not decode: a cache then loads them anew.
   */
  upcast?: (old: unknown, from: number) => In
}

/**
 * Gives the shape of a value a version, so that old and new instances can run side by side.
 * Wrong options are reported by `definePlan`.
 */
export function versioned<In, Out>(value: ValueSource<In, Out>, options: VersionOptions<In>): HeadedCodec<In, Out> {
  const problems = groupProblems(options, 'versioned()', ['version', 'upcast'])
  const { version, upcast } = options ?? {}
  if (!Number.isSafeInteger(version) || version < 1) {
    problems.push('the version of a value must be a whole number from 1')
  }
  return headed(codecOf(value), { version, upcast }, problems)
}
