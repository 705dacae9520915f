import type { Reply } from '../../redis/redis.ts'

/** What a script says of many: a row of figures for each, and the error texts of those that could not be counted. */
export interface Figures {
  readonly count: number
  at(index: number): number
  /** By the place of what was asked. */
  readonly failures: ReadonlyMap<number, string> | undefined
}

const bytesOfFigure = 8

/** Figures travel as packed doubles: writing and reading them costs a tenth of what an array of integers does. */
export function figures(reply: Reply): Figures {
  const [packed, ...rest] = (Array.isArray(reply) ? reply : [reply]) as [Buffer, ...(number | Buffer)[]]
  const failures = rest.length > 0 ? new Map<number, string>() : undefined
  for (let at = 0; at < rest.length; at += 2) failures?.set(Number(rest[at]), String(rest[at + 1]))
  return {
    count: packed.length / bytesOfFigure,
    at: index => packed.readDoubleLE(index * bytesOfFigure),
    failures,
  }
}

/** Ends a script that leaves `n` figures in `reply`. */
export const answer = `
local packed = struct.pack('<' .. string.rep('d', n), unpack(reply, 1, n))
if not failures then return packed end
table.insert(failures, 1, packed)
return failures
`

/** Notes the error of what stands at `index`, in Lua. */
export const fail = (index: string, error: string) => `
failures = failures or {}
failures[#failures + 1], failures[#failures + 2] = ${index} - 1, ${error}
`
