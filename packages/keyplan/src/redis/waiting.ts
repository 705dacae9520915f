import type { Call } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import type { Argument } from './redis.ts'

interface Entry {
  readonly call: Call
  readonly bytes: number
  readonly go: () => void
  readonly fail: (error: KeyplanError) => void
}

/** Calls that wait for a link, in order, bounded by number and bytes. */
export interface Waiting {
  /** @throws KeyplanError OVERLOADED when it is full of calls that still have time */
  add(call: Call, args: readonly Argument[], go: () => void, fail: (error: KeyplanError) => void): void
  /** Lets go of what may still be written, in the order it came and as long as there is room, and rejects the rest. */
  release(hasRoom?: () => boolean): void
  /** Rejects all, each with an error of its own. */
  reject(error: () => KeyplanError): void
  readonly size: number
}

/** Of a flood of calls that find it full, few look whether some of those that wait have left. Milliseconds. */
const siftEvery = 10

/** @param why is said of a call that finds it full */
export function createWaiting(bound: { calls: number; bytes: number }, clock: Clock, why: () => string): Waiting {
  let entries: Entry[] = []
  /** Those before it have left. */
  let first = 0
  let bytes = 0
  let siftedAt = Number.NEGATIVE_INFINITY

  function drain(): Entry[] {
    const all = entries.slice(first)
    entries = []
    first = 0
    bytes = 0
    return all
  }
  function keep(entry: Entry): void {
    entries.push(entry)
    bytes += entry.bytes
  }
  /** Hands over one that may still be written; others were already answered by their guard. */
  function sift(entry: Entry, each: (entry: Entry) => void): void {
    const refusal = refusalOf(entry.call, clock.now())
    if (refusal) entry.fail(refusal)
    else each(entry)
  }
  function next(): Entry {
    const entry = entries[first++]!
    bytes -= entry.bytes
    if (first === entries.length) drain()
    return entry
  }
  const size = () => entries.length - first
  const full = (more: number) => size() >= bound.calls || bytes + more > bound.bytes

  return {
    add(call, args, go, fail) {
      const weight = weigh(args)
      if (full(weight) && clock.now() - siftedAt >= siftEvery) {
        siftedAt = clock.now()
        for (const entry of drain()) sift(entry, keep)
      }
      if (full(weight)) {
        throw new KeyplanError('OVERLOADED', `${why()}, and ${size()} calls already wait for it`, {
          outcome: 'not-executed',
        })
      }
      keep({ call, bytes: weight, go, fail })
    },
    release(hasRoom = () => true) {
      // One that cannot be written after all comes back, behind those that were there.
      for (let left = size(); left > 0 && size() > 0 && hasRoom(); left--) sift(next(), entry => entry.go())
    },
    reject(error) {
      for (const entry of drain()) entry.fail(error())
    },
    get size() {
      return size()
    },
  }
}

/** Why a call may not be written any more: whoever made it has been, or is about to be, told that it is over. */
export function refusalOf(call: Call, now: number): KeyplanError | undefined {
  const outcome = call.written > 0 ? 'unknown' : 'not-executed'
  if (call.signal?.aborted) return new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome })
  const limit = call.written > 0 ? call.expires : (call.heldUntil ?? call.expires)
  if (now < limit) return undefined
  return new KeyplanError('TIMEOUT', 'The call ran out of time before it was sent to Redis', { outcome })
}

function weigh(args: readonly Argument[]): number {
  let total = 0
  for (const value of args) total += typeof value === 'number' ? 8 : value.length
  return total
}
