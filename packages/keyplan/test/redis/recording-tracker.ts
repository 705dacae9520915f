import type { Tracker } from '../../src/redis/redis.ts'

export interface RecordingTracker extends Tracker {
  /** The keys it was told of, in order; null where it was told of all. */
  readonly told: (string | null)[]
  /** The type and lane of each change. */
  readonly changes: string[]
}

/** Notes what it is told. */
export function recordingTracker(): RecordingTracker {
  const told: (string | null)[] = []
  const changes: string[] = []
  return {
    told,
    changes,
    invalidated(keys) {
      told.push(...(keys ?? [null]))
    },
    changed({ type, lane }) {
      changes.push(lane === '' ? type : `${type} ${lane}`)
    },
  }
}
