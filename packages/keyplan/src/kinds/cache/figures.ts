/** What became of the reads and loads of a cache since the client was opened. */
export interface CacheFigures {
  /** Reads answered with a fresh value of Redis. */
  readonly hits: number
  /** Reads answered in this process, by the near cache. */
  readonly nearHits: number
  /** Copies in this process at this moment, and about how many bytes of its memory they take. */
  readonly nearCopies: number
  readonly nearBytes: number
  /** Reads answered with an old value, by `staleWhileRevalidate` or `staleIfError`. */
  readonly stale: number
  /** Reads answered by the knowledge that there is no value. */
  readonly negative: number
  readonly misses: number
  /** Loads that were begun, those in the background included. */
  readonly loads: number
  /** Loads that failed, or were past their hard `loadTimeout`. */
  readonly loadErrors: number
  /** What all loads that have ended took together, in milliseconds. */
  readonly loadMs: number
  /** Of the values that were read from Redis, as they are stored; a character of text counts as one. */
  readonly bytesRead: number
  /** Of the values that were sent to Redis. */
  readonly bytesWritten: number
  /** Values that did not decode, and were misses. */
  readonly undecodable: number
  /** The share of the reads that were not misses; undefined before the first read. */
  readonly hitRatio: number | undefined
}

/** The figures as they are counted. */
export type Counting = {
  -readonly [Figure in keyof Omit<CacheFigures, 'hitRatio' | 'nearCopies' | 'nearBytes'>]: number
}

export function createCounting(): Counting {
  return {
    hits: 0,
    nearHits: 0,
    stale: 0,
    negative: 0,
    misses: 0,
    loads: 0,
    loadErrors: 0,
    loadMs: 0,
    bytesRead: 0,
    bytesWritten: 0,
    undecodable: 0,
  }
}

/** What copies in the process take. */
export interface Kept {
  readonly size: number
  readonly bytes: number
}

export function figuresOf(counting: Counting, near: Kept = { size: 0, bytes: 0 }): CacheFigures {
  const { hits, nearHits, stale, negative, misses } = counting
  const answered = hits + nearHits + stale + negative
  const reads = answered + misses
  const hitRatio = reads === 0 ? undefined : answered / reads
  return { ...counting, nearCopies: near.size, nearBytes: near.bytes, hitRatio }
}
