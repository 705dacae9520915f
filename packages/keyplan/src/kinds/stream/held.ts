import type { Delivery } from './delivery.ts'
import type { Message } from './work-contract.ts'

/** A delivery in the hands of a worker. A class, as is its message: one is made for each entry. */
export class Held implements Message<unknown> {
  readonly delivery: number
  readonly given: Delivery
  readonly value: unknown
  /** What its order goes by. */
  readonly order: string | undefined
  readonly effect: string | undefined
  /** Reading of the clock at which its claim was confirmed. */
  claimedAt: number
  /** Reading of the clock at which its handler began. */
  begunAt: number | undefined
  /** Its end is known here, and the server is being told. */
  settling = false
  /** What becomes of its handler no longer matters. */
  over = false
  private controller: AbortController | undefined
  private reason: Error | undefined

  constructor(given: Delivery, value: unknown, order: string | undefined, effect: string | undefined, at: number) {
    this.given = given
    this.delivery = given.number
    this.value = value
    this.order = order
    this.effect = effect
    this.claimedAt = at
  }

  get id(): string {
    return this.given.id
  }

  get origin(): string | undefined {
    return this.given.origin
  }

  get token(): string {
    return this.effect ?? this.given.origin ?? this.given.id
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.reason) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  abort(reason: Error): void {
    this.over = true
    this.reason = reason
    this.controller?.abort(reason)
  }
}
