import { codecOf, valueProblems } from '../../base/codec/codec-of.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { sizeBytes } from '../../base/size.ts'
import { boundsOf, type LogTerms } from '../../mechanisms/log/terms.ts'
import type { ChannelBuffer } from './contract.ts'
import type { ChannelOptions, ownOptions } from './options.ts'

/** The options of a channel with their defaults. */
export interface ChannelSettings {
  readonly codec: Codec<unknown>
  readonly sharded: boolean
  readonly buffer: ChannelBuffer
  readonly reliable: LogTerms | undefined
}

type Options = Partial<Pick<ChannelOptions<string, unknown, unknown>, keyof typeof ownOptions>>

/** How long messages are kept where only their number is bounded, in milliseconds. */
const quietFor = 7 * 86_400_000

const mostWaiting = 1_000_000

/** Adds what is wrong with the options to `problems`. */
export function settingsOf(options: Options, problems: string[]): ChannelSettings {
  const { value, sharded = false, whenDown } = options
  problems.push(...valueProblems(value))
  const codec = problems.length === 0 ? codecOf(value!) : undefined
  if (codec?.binary) {
    problems.push(`the value is stored as bytes by ${codec.name}(); messages are text: use json(), text() or a schema`)
  }
  if (typeof sharded !== 'boolean') problems.push(`sharded is ${shown(sharded)}; write true or false`)
  if (whenDown !== undefined && whenDown !== 'drop' && whenDown !== 'fail') {
    problems.push(`whenDown is ${shown(whenDown)}; use 'drop' or 'fail'`)
  }
  return {
    codec: codec as Codec<unknown>,
    sharded,
    buffer: bufferOf(options.buffer, problems),
    reliable: reliableOf(options.reliable, problems),
  }
}

function bufferOf(buffer: Options['buffer'] = {}, problems: string[]): ChannelBuffer {
  problems.push(...groupProblems(buffer, 'buffer', ['count', 'bytes', 'drop']))
  const { count = 1_000, bytes = '1mb', drop = 'oldest' } = buffer ?? {}
  if (!Number.isSafeInteger(count) || count < 1 || count > mostWaiting) {
    problems.push(`buffer.count is ${shown(count)}; give a whole number from 1 to ${mostWaiting}`)
  }
  if (!['oldest', 'newest', 'close'].includes(drop)) {
    problems.push(`buffer.drop is ${shown(drop)}; use 'oldest', 'newest' or 'close'`)
  }
  return { count, bytes: collect(problems, () => sizeBytes(bytes, 'buffer.bytes', shown), 1), drop }
}

function reliableOf(reliable: Options['reliable'], problems: string[]): LogTerms | undefined {
  if (reliable === undefined) return undefined
  const wrong = groupProblems(reliable, 'reliable', ['keep'])
  problems.push(...wrong)
  if (wrong.length > 0) return undefined
  const { keep } = reliable
  if (typeof keep !== 'number' && typeof keep !== 'string') {
    problems.push(`reliable.keep is ${shown(keep)}; give a number of messages, or a length of time such as '1h'`)
    return undefined
  }
  const bounds = boundsOf(keep, 'reliable.keep', problems)
  return { ...bounds, ttlMs: bounds.ageMs || quietFor, renew: true }
}
