import { KeyplanError, shown } from '../base/error.ts'

/**
 * Fenced writes: what holds a lock writes with its fence, and a write with a smaller fence than one before it is refused, in
 * the same step. So a holder that lost its lock without knowing changes nothing after the next one has written.
 *
 * A helper key in the slot of what is guarded keeps the largest fence that was seen, for as long as a lock keeps its own
 * (`fenceTtl`): it must outlive every holder that could still be late.
 *
 * Lua. Fences are microseconds or counts, both far below 2^53.
 */
export const admits = `
local function admits(mark, fence, life)
  local largest = redis.call('GET', mark)
  if largest and (tonumber(largest) or 0) > tonumber(fence) then return false end
  redis.call('SET', mark, fence, 'PX', life)
  return true
end
`

const largestFence = 2n ** 53n - 1n

/**
 * A fence as it goes over the wire.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function fenceText(fence: bigint): string {
  const given: unknown = fence
  if (typeof given === 'bigint' && given >= 0n && given <= largestFence) return given.toString()
  throw new KeyplanError('PARAM_INVALID', `fence is ${shown(given)}; give the fence of the lock that is held, a bigint`)
}

/** The largest fences in memory, for as many things as are guarded at most. */
export function createFenceMarks(most: number): { admit(name: string, fence: string): boolean } {
  const marks = new Map<string, bigint>()
  return {
    admit(name, text) {
      const fence = BigInt(text)
      const largest = marks.get(name)
      if (largest !== undefined && largest > fence) return false
      if (largest === undefined && marks.size >= most) {
        throw new KeyplanError('OVERLOADED', `This process already guards ${most} values by their fences in memory`, {
          outcome: 'not-executed',
        })
      }
      marks.set(name, fence)
      return true
    },
  }
}
