import type { Call } from '../../base/call.ts'

/** One caller's claim to an operation: its owner token, and the requests for it that were never answered. */
export interface MarkClaim {
  /** Unique among all owners, and not to be guessed. */
  readonly owner: string
  readonly unanswered: Set<UnansweredClaim>
  /** A server answered that it has it; its caller may have given up before the answer came. */
  granted: boolean
}

export interface UnansweredClaim {
  readonly call: Call
  /** Epoch milliseconds on the server's clock from which on it is refused. */
  readonly notAfter: number
}

export function createMarkClaim(owner: string): MarkClaim {
  return { owner, unanswered: new Set(), granted: false }
}

/** Whether the claim may own something, now or when a request of it arrives, without its caller knowing. */
export function isDoubtful({ unanswered, granted }: MarkClaim): boolean {
  if (granted) return true
  for (const { call } of unanswered) if (call.written > 0) return true
  return false
}

/** Epoch milliseconds on the server's clock after which no request of the claim can take anything. */
export function lastChance({ unanswered }: MarkClaim): number {
  let last = 0
  for (const { call, notAfter } of unanswered) if (call.written > 0) last = Math.max(last, notAfter)
  return last
}
