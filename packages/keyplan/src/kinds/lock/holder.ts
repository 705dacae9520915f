import { bigintsAsText } from '../../base/bigint-text.ts'
import type { Holder } from './contract.ts'

/** `<host>:<pid>:<client>/<claim>#<fence>@<since>`, as an acquire writes it; since when, in microseconds. */
const form = /^([^:/]*):(\d+):([^:/#]+)\/[^#]*#(\d+)@(\d+)$/

/** What the value of a lock's key says of its holder. @param now the server's time in milliseconds */
export function readHolder(value: string, now: number): Holder | undefined {
  const [, host, pid, client, fence, since] = form.exec(value) ?? []
  if (host === undefined || client === undefined || fence === undefined) return undefined
  const ageMs = Math.max(0, now - Number(since) / 1_000)
  return bigintsAsText({ host, pid: Number(pid), client, fence: BigInt(fence), ageMs })
}
