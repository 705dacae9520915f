import type { Answered } from '../../mechanisms/lease/requests.ts'
import type { Script } from '../../redis/script.ts'

/** The scripts by which a store over Redis works. Their keys are those that its `LockForm` names, in order. */
export interface LockScripts {
  readonly acquire: Script<'...keys', (typeof acquireArgs)[number], AcquireReply>
  readonly extend: Script<'...keys', 'owner' | 'ttl' | 'fenceTtl', boolean>
  readonly release: Script<'...keys', 'counts' | 'prefix' | '...claims', readonly Line[]>
  readonly withdraw: Script<'...keys', 'owner' | 'counts' | 'notAfter', number>
  readonly leave: Script<'...keys', 'channel' | 'counts', undefined>
  readonly inspect: Script<'...keys', never, InspectReply>
  readonly force: Script<'...keys', 'wake' | 'counts', InspectReply>
}

/**
 * `claims` are the owners without the `prefix` that they have in common. `seats` are the milliseconds that each of them waits
 * for, with `+` where others of the process wait behind, and 0 of one who does not wait; '' when none does.
 */
export const acquireArgs = ['ttl', 'fenceTtl', 'notAfter', 'channel', 'counts', 'prefix', 'seats', '...claims'] as const

/** What a script says of one lock: a sign, and what belongs to it. `!` comes before an error text. */
export interface Line {
  readonly sign: string
  readonly detail: string
}

/** Taken apart by hand: most replies have one line, and what splits texts costs more than the rest of reading it. */
function linesFrom(text: string, start: number): Line[] {
  const lines: Line[] = []
  for (let from = start; from <= text.length; ) {
    const next = text.indexOf('\n', from)
    const end = next < 0 ? text.length : next
    lines.push({ sign: text.charAt(from), detail: text.slice(from + 1, end) })
    from = end + 1
  }
  return lines
}

export interface AcquireReply extends Answered {
  /** `+` and the fence: granted. `-` and the milliseconds left: busy. One that came too late has `~` for all of them. */
  readonly lines: readonly Line[]
}

export function acquireReply(reply: unknown): AcquireReply {
  const text = reply as string
  const at = text.indexOf('\n')
  const late = text.charAt(at + 1) === '~'
  // Microseconds are more digits than a number is quickly read of.
  return { now: Number(text.slice(0, at - 3)), late, lines: linesFrom(text, at + 1) }
}

/** `1`: it was the owner's, and is free. */
export const releaseReply = (reply: unknown): readonly Line[] => linesFrom(reply as string, 0)

/** Of a lock: what lies there, the milliseconds left (-2: free), how many processes wait, and the server's time. */
export interface InspectReply {
  readonly holder: string
  readonly left: number
  readonly waiters: number
  readonly now: number
  /** Of a read-write lock. */
  readonly readers: number
}

export function inspectReply(reply: unknown): InspectReply {
  const [holder, left, waiters, now, readers] = reply as [string, number, number, number, number]
  return { holder, left, waiters, now, readers }
}
