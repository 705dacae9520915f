import type { CallOptions } from '../../base/call.ts'
import type { Cause } from './delivery.ts'

/** An entry that was given up: it failed too often, could not be read, or vanished. */
export interface DeadLetter<Out> {
  /** Of the letter. */
  readonly id: string
  /** The entry it was. */
  readonly entry: string
  /** Undefined when it vanished or does not decode. */
  readonly value: Out | undefined
  readonly deliveries: number
  readonly cause: Cause
  readonly at: Date
}

export interface DeadLetters<Out> {
  /** The oldest first, `limit` (default 100) after the letter `after`. */
  list(options?: CallOptions & { after?: string; limit?: number }): Promise<DeadLetter<Out>[]>
  /** Sends letters back to their group, and to no other. Those without a value stay. Gives how many went. */
  redrive(ids: readonly string[] | 'all', options?: CallOptions): Promise<number>
  /** Removes letters. Gives how many. */
  purge(ids: readonly string[] | 'all', options?: CallOptions): Promise<number>
}
