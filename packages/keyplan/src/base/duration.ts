import { KeyplanError, kindOf } from './error.ts'

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

type DurationUnit = keyof typeof unitMs

/** A length of time: `'250ms'`, `'30s'`, `'5m'`, `'1.5h'`, `'7d'`, `'2w'`. Bare numbers are refused: they hide their unit. */
export type Duration = `${number}${DurationUnit}`

const form = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/

/**
 * Milliseconds of a duration, rounded to whole ones.
 *
 * @param name what the duration is, for the error: `ttl of userProfile`
 * @param spell how the error spells a value that is no duration: by its kind, unless it cannot be a secret
 * @throws KeyplanError PARAM_INVALID when it is not a duration, is below 1 ms, or above 10,000 days
 */
export function durationMs(value: Duration, name = 'duration', spell: (value: unknown) => string = kindOf): number {
  const match = typeof value === 'string' ? form.exec(value) : null
  if (!match) {
    throw new KeyplanError('PARAM_INVALID', `${name} is ${spell(value)}; write a length of time such as '30s' or '5m'`)
  }
  const ms = Math.round(Number(match[1]) * unitMs[match[2] as DurationUnit])
  if (ms < 1 || ms > 10_000 * unitMs.d) {
    throw new KeyplanError('PARAM_INVALID', `${name} is ${value}; it must lie between 1ms and 10000d`)
  }
  return ms
}

/** The shortest exact spelling: 90000 → `'90s'`, 300000 → `'5m'`. */
export function formatDuration(ms: number): Duration {
  for (const unit of ['w', 'd', 'h', 'm', 's'] as const) {
    if (ms >= unitMs[unit] && ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`
  }
  return `${ms}ms`
}
