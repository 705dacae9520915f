import type { Call } from '../../base/call.ts'

/** One caller's claim to something: its owner token, and what became of the requests that were made under it. */
export interface Claim {
  /** Unique among all owners, and not to be guessed: the `origin` of its process and what is its own. */
  readonly owner: string
  readonly origin: string
  readonly own: string
  /** Requests that were made and never answered. A list is never changed, so that claims of one request share theirs. */
  unanswered: readonly Unanswered[]
  /** A server answered that it is taken; its caller may have given up before the answer came. */
  granted: boolean
}

export interface Unanswered {
  readonly call: Call
  /** Epoch milliseconds on the server's clock from which on it is refused. */
  readonly notAfter: number
}

const none: readonly Unanswered[] = []

/** @param origin what the owners of a process begin with, so that it can be sent once for many */
export const createClaim = (own: string, origin = ''): Claim => new OneClaim(own, origin)

class OneClaim implements Claim {
  readonly own: string
  readonly origin: string
  unanswered: readonly Unanswered[] = none
  granted = false

  constructor(own: string, origin: string) {
    this.own = own
    this.origin = origin
  }

  get owner(): string {
    return this.origin + this.own
  }
}

/** Notes a request for the claims, until what it gives is called. */
export function noteRequest(claims: readonly Claim[], request: Unanswered): () => void {
  const alone = [request]
  for (const claim of claims) claim.unanswered = claim.unanswered === none ? alone : [...claim.unanswered, request]
  return () => {
    for (const claim of claims) {
      const { unanswered } = claim
      claim.unanswered = unanswered === alone ? none : unanswered.filter(other => other !== request)
    }
  }
}

/** Whether a request of the claim may yet take it without its caller knowing. */
export function isDoubtful({ unanswered }: Claim): boolean {
  for (const { call } of unanswered) if (call.written > 0) return true
  return false
}

/**
 * Lua of a script that withdraws a claim: the milliseconds in which a request that is still on its way would yet be granted. It
 * has `now` and `notAfter`, which is `lastChance`.
 */
export const yetGranted = `string.format('%.0f', math.max(0, tonumber(notAfter) + 1 - now))`

/** Epoch milliseconds on the server's clock after which none of them can take it any more. */
export function lastChance({ unanswered }: Claim): number {
  let notAfter = 0
  for (const request of unanswered) if (request.call.written > 0) notAfter = Math.max(notAfter, request.notAfter)
  return notAfter
}
