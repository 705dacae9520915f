import type { KeyplanError } from '../../base/error.ts'
import type { ChannelGap, Delivery } from './contract.ts'

/** What takes the messages of a subscription. */
export interface Consumer {
  /** Takes one; where that lasts, until the promise is fulfilled. Neither throws nor rejects. */
  deliver(delivery: Delivery): Promise<void> | undefined
  gap(gap: ChannelGap): void
  ended(error: KeyplanError | undefined): void
}

/** What is told of a channel again and again. */
export type Happening =
  | { readonly type: 'handler-failed'; readonly error: Error }
  | { readonly type: 'subscription-ended'; readonly error: Error }
  | { readonly type: 'message-undecodable' }
  | { readonly type: 'message-dropped' }
  | { readonly type: 'announcement-refused' }
