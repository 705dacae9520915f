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
  /** Lets go of all that may still be written, in the order they came, and rejects the others. */
  release(): void
  /** Rejects all, each with an error of its own. */
  reject(error: () => KeyplanError): void
  readonly size: number
}

export function createWaiting(bound: { calls: number; bytes: number }, clock: Clock): Waiting {
  let entries: Entry[] = []
  let bytes = 0

  function drain(): Entry[] {
    const all = entries
    entries = []
    bytes = 0
    return all
  }
  function keep(entry: Entry): void {
    entries.push(entry)
    bytes += entry.bytes
  }
  /** Hands over those that may still be written; the others were already answered by their guard. */
  function sift(each: (entry: Entry) => void): void {
    const now = clock.now()
    for (const entry of drain()) {
      const refusal = refusalOf(entry.call, now)
      if (refusal) entry.fail(refusal)
      else each(entry)
    }
  }
  const full = (more: number) => entries.length >= bound.calls || bytes + more > bound.bytes

  return {
    add(call, args, go, fail) {
      const size = weigh(args)
      if (full(size)) sift(keep)
      if (full(size)) {
        throw new KeyplanError('OVERLOADED', `Redis is unreachable and ${entries.length} calls already wait for it`, {
          outcome: 'not-executed',
        })
      }
      keep({ call, bytes: size, go, fail })
    },
    release: () => sift(entry => entry.go()),
    reject(error) {
      for (const entry of drain()) entry.fail(error())
    },
    get size() {
      return entries.length
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
