import { collect } from '../collect.ts'
import { shown } from '../error.ts'
import { groupProblems } from '../option-group.ts'
import { type Size, sizeBytes } from '../size.ts'
import { codecOf, type ValueSource } from './codec-of.ts'
import { type Algorithm, algorithms, isAvailable } from './compression.ts'
import { type HeadedCodec, headed } from './headed.ts'

export interface CompressionOptions {
  /** `gzip` (default), `brotli` or `zstd`. For the last one, all that write and read must run Node 22.15 or newer. */
  algorithm?: Algorithm
  /** Smaller values are stored as they are. Default: `1kb`. */
  above?: Size
  /** A value that is larger before it is compressed is refused, on writing as on reading. Default: `64mb`. */
  maxBytes?: Size
}

/**
 * Compresses large values, in this thread. Which algorithm a value was written with stands in its header, so it can be
 * changed at any time; values written before compression was declared stay readable. Wrong options are reported by
 * `definePlan`.
 */
export function compressed<In, Out>(
  value: ValueSource<In, Out>,
  options: CompressionOptions = {},
): HeadedCodec<In, Out> {
  const problems = groupProblems(options, 'compressed()', ['algorithm', 'above', 'maxBytes'])
  const { algorithm = 'gzip', above = '1kb', maxBytes = '64mb' } = options ?? {}
  const bytesOf = (size: Size, name: string) =>
    collect(problems, () => sizeBytes(size, `compressed().${name}`, shown), 0)
  if (!algorithms.includes(algorithm)) {
    problems.push("the compression algorithm must be 'gzip', 'brotli' or 'zstd'")
  } else if (!isAvailable(algorithm)) {
    problems.push("the compression algorithm 'zstd' needs Node 22.15 or newer; use 'brotli' or 'gzip'")
  }
  const compression = { algorithm, above: bytesOf(above, 'above'), maxBytes: bytesOf(maxBytes, 'maxBytes') }
  return headed(codecOf(value), { compression }, problems)
}
