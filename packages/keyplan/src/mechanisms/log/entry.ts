import type { Stored } from '../../base/codec.ts'
import type { Reply } from '../../redis/redis.ts'

/** One entry of a log. */
export interface LogEntry {
  /** Given by the server, ever growing: `<milliseconds on its clock>-<number>`. */
  readonly id: string
  /** The id of the entry before it, `0-0` for the first of a log; undefined where other software has written it. */
  readonly prev: string | undefined
  /** Undefined where other software has written something else. */
  readonly value: Stored | undefined
}

/** In front of every entry. */
export const beginning = '0-0'

/** What the fields of an entry are called: the id of the entry before, the bytes of the log up to here, and the value. */
export const fieldNames = { prev: 'p', bytes: 'b', value: 'v' } as const

/** Below 0 where the left id comes first. */
export function compareIds(left: string, right: string): number {
  if (left === right) return 0
  const [leftMs, leftNumber] = left.split('-')
  const [rightMs, rightNumber] = right.split('-')
  return Number(leftMs) - Number(rightMs) || Number(leftNumber) - Number(rightNumber)
}

export const isId = (value: unknown): value is string => typeof value === 'string' && /^\d{1,16}-\d{1,16}$/.test(value)

/** When an entry was appended, in milliseconds since the epoch on the server's clock. */
export const timeOf = (id: string) => Number(id.slice(0, id.indexOf('-')))

/** Reads entries as XRANGE and XREAD give them. */
export function readEntries(reply: Reply): LogEntry[] {
  return (reply as [Stored, Stored[] | null][]).map(([id, fields]) => {
    const at = (name: string) => (fields ?? []).findIndex((field, place) => place % 2 === 0 && String(field) === name)
    const prev = at(fieldNames.prev)
    const value = at(fieldNames.value)
    return {
      id: String(id),
      prev: prev < 0 ? undefined : String(fields![prev + 1]),
      value: value < 0 ? undefined : fields![value + 1],
    }
  })
}
