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
  /** Lets go of all that have not expired, in the order they came. */
  release(): void
  /** Rejects all. */
  reject(error: KeyplanError): void
  readonly size: number
}

export function createWaiting(bound: { calls: number; bytes: number }, clock: Clock): Waiting {
  let entries: Entry[] = []
  let bytes = 0

  const alive = ({ call }: Entry) => call.expires > clock.now() && !call.signal?.aborted
  function sweep(): void {
    entries = entries.filter(alive)
    bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  }
  function drain(each: (entry: Entry) => void): void {
    const all = entries
    entries = []
    bytes = 0
    for (const entry of all) each(entry)
  }
  const full = (more: number) => entries.length >= bound.calls || bytes + more > bound.bytes

  return {
    add(call, args, go, fail) {
      const size = weigh(args)
      if (full(size)) sweep()
      if (full(size)) {
        throw new KeyplanError('OVERLOADED', `Redis is unreachable and ${entries.length} calls already wait for it`, {
          outcome: 'not-executed',
        })
      }
      entries.push({ call, bytes: size, go, fail })
      bytes += size
    },
    // An expired call was already answered by its guard: it is dropped, and so certainly not executed.
    release: () => drain(entry => alive(entry) && entry.go()),
    reject: error => drain(entry => entry.fail(error)),
    get size() {
      return entries.length
    },
  }
}

function weigh(args: readonly Argument[]): number {
  let total = 0
  for (const value of args) total += typeof value === 'number' ? 8 : value.length
  return total
}
