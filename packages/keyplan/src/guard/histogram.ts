/** Durations in buckets of growing width: constant memory, and every figure read from it is at most 1/8 too high. */
export interface Histogram {
  /**
   * @param ms milliseconds
   * @param times how many took it. Default 1.
   */
  add(ms: number, times?: number): void
  /** Milliseconds below which this share of the durations lies; 0 when there are none. */
  quantile(share: number): number
  readonly mean: number
}

/** Buckets for each doubling of the duration. */
const perDoubling = 8
/** The first bucket ends at a microsecond, the last begins at about an hour. */
const shortest = 0.001
const buckets = 32 * perDoubling

export function createHistogram(): Histogram {
  const counts = new Float64Array(buckets)
  let count = 0
  let sum = 0
  return {
    add(ms, times = 1) {
      const bucket = Math.ceil(Math.log2(Math.max(ms, shortest) / shortest) * perDoubling)
      counts[Math.min(bucket, buckets - 1)]! += times
      count += times
      sum += times * ms
    },
    quantile(share) {
      let left = share * count
      for (let bucket = 0; bucket < buckets && count > 0; bucket++) {
        left -= counts[bucket]!
        if (left <= 0) return shortest * 2 ** (bucket / perDoubling)
      }
      return 0
    },
    get mean() {
      return count === 0 ? 0 : sum / count
    },
  }
}
