import type { KeyplanError } from '../../base/error.ts'
import { createRecurring } from '../../base/recurring.ts'
import type { Notice } from '../kind.ts'
import type { ChannelGap, Delivery } from './contract.ts'

/** What takes the messages of a subscription. */
export interface Consumer {
  /** Takes one; where that lasts, until the promise is fulfilled. Neither throws nor rejects. */
  deliver(delivery: Delivery): Promise<void> | undefined
  gap(gap: ChannelGap): void
  ended(error: KeyplanError | undefined): void
}

/** Tells of what happens again and again. */
export type Tell = (happened: Happening, problem: string) => void

type Happening =
  | { readonly type: 'handler-failed' | 'subscription-ended'; readonly error: Error }
  | { readonly type: 'message-undecodable' | 'message-dropped' | 'announcement-refused' }

export function createTell(namespace: string, notify: (notice: Notice) => void): Tell {
  const occurrence = createRecurring()
  return (happened, problem) =>
    notify({ ...happened, namespace, ...occurrence(happened.type, `${namespace}: ${problem}`) })
}
