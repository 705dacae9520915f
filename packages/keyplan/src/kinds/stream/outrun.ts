import { formatDuration } from '../../base/duration.ts'
import { retryHorizon, type StreamSettings } from './settings.ts'

/** What a group that stops for a while would lose, and what is trimmed while it is still being worked on. */
export function outrunWarnings(settings: Omit<StreamSettings, 'idempotency'>, maxLag: number | undefined): string[] {
  const { keep, groups, batch } = settings
  if (keep.untilRead || Object.keys(groups).length === 0) return []
  const warnings: string[] = []
  const remedy = 'keep more, or write keep.untilRead: true'
  const horizon = retryHorizon(settings)
  if (keep.ageMs !== undefined && keep.ageMs < horizon) {
    warnings.push(
      `keep.age is ${formatDuration(keep.ageMs)}, and an entry may wait ${formatDuration(horizon)} for its last retry: ` +
        `it would be gone before; ${remedy}`,
    )
  }
  if (keep.entries !== undefined && keep.entries < 2 * batch) {
    warnings.push(
      `keep.entries is ${keep.entries}, and one worker takes ${batch} at once: what it has at hand may be trimmed, and a ` +
        `group that stops for a moment is outrun; ${remedy}`,
    )
  }
  if (keep.entries !== undefined && maxLag !== undefined && maxLag >= keep.entries) {
    warnings.push(
      `maxLag is ${maxLag}, and no more than about ${keep.entries} entries are kept: a group that is so far behind has lost ` +
        `some already; ${remedy}`,
    )
  }
  return warnings
}
