import { collect } from '../../base/collect.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'

export interface BlockOptions {
  /** How long the first block lasts. */
  for: Duration
  /** How many times longer each repeated block is than the one before, 1 to 100. Default: 1, which is no escalation. */
  factor?: number
  /** The longest that a block grows to. Default: 1d, or `for` where that is longer. */
  atMost?: Duration
  /** How long after its end a block counts as one that is repeated. Default: 1d with a `factor`, else none. */
  remember?: Duration
  /** Whether a key that is denied because its limit is used up is blocked from then on. Default: only `block()` does. */
  onDenied?: boolean
}

/** Milliseconds. */
export interface BlockPolicy {
  readonly forMs: number
  readonly factor: number
  readonly atMostMs: number
  readonly rememberMs: number
  readonly onDenied: boolean
}

const dayMs = 86_400_000

const optionNames = ['for', 'factor', 'atMost', 'remember', 'onDenied'] as const satisfies (keyof BlockOptions)[]

export function blockPolicyOf(options: BlockOptions | undefined, problems: string[]): BlockPolicy | undefined {
  if (options === undefined) return undefined
  const wrong = groupProblems(options, 'block', optionNames)
  problems.push(...wrong)
  if (wrong.length > 0) return undefined
  const read = (name: 'for' | 'atMost' | 'remember', otherwise: number) => {
    const value = options[name]
    if (value === undefined && name !== 'for') return otherwise
    return collect(problems, () => durationMs(value as Duration, `block.${name}`, shown), otherwise)
  }
  const { factor = 1, onDenied = false } = options
  if (typeof factor !== 'number' || !(factor >= 1 && factor <= 100)) {
    problems.push(`block.factor is ${shown(factor)}; it must be a number from 1 to 100`)
  }
  if (typeof onDenied !== 'boolean') problems.push(`block.onDenied is ${shown(onDenied)}; write true or false`)
  const forMs = read('for', 1_000)
  const atMostMs = read('atMost', Math.max(dayMs, forMs))
  if (atMostMs < forMs) problems.push('block.atMost is shorter than block.for')
  return { forMs, factor, atMostMs, rememberMs: read('remember', factor > 1 ? dayMs : 0), onDenied }
}

/** A block as a store keeps it. */
export interface BlockRecord {
  readonly until: number
  /** How many blocks have followed each other, this one included. */
  readonly level: number
}

/** The next block of a key: never one that ends before the one that stands. */
export function nextBlock(
  record: BlockRecord | undefined,
  now: number,
  forMs: number,
  { factor, atMostMs }: BlockPolicy,
): BlockRecord {
  const level = record?.level ?? 0
  const lasts = Math.min(Math.max(atMostMs, forMs), Math.ceil(forMs * factor ** level))
  return { until: Math.max(record?.until ?? 0, now + lasts), level: level + 1 }
}

/**
 * Key: `<when it ends> <how many there were>`. It lives as long as a block that follows counts as repeated.
 *
 * `blocked_for(key)` gives the milliseconds a key is still blocked for and the error if it is none;
 * `block(key, first, b)` blocks it.
 */
export const blockLua = `
local function block_of(key)
  local record = call('GET', key)
  if type(record) == 'table' then return 0, 0, record end
  local till, level = match(record or '', '^(%d+) (%d+)$')
  return tonumber(till or 0), tonumber(level or 0)
end
local function block(key, first, b)
  local till, level, failure = block_of(key)
  if failure then return 0, failure end
  till = max(till, now + min(max(b.most, first), ceil(first * b.factor ^ level)))
  local value = format('%.0f %.0f', till, min(level + 1, 1000))
  local kept = call('SET', key, value, 'PX', format('%.0f', till - now + b.remember))
  return till - now, type(kept) == 'table' and kept.err and kept or nil
end
`
