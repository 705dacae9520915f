import type { KeyplanError } from '../../base/error.ts'
import type { Notice } from '../kind.ts'
import type { ChannelGap, Delivery } from './contract.ts'

/** What takes the messages of a subscription. */
export interface Consumer {
  /** Takes one; where that lasts, until the promise is fulfilled. Neither throws nor rejects. */
  deliver(delivery: Delivery): Promise<void> | undefined
  gap(gap: ChannelGap): void
  ended(error: KeyplanError | undefined): void
}

/** Tells of what happens again and again: at the 1st, 2nd, 4th, 8th … time the log is told as well. */
export type Tell = (happened: Happening, problem: string) => void

type Happening =
  | { readonly type: 'handler-failed' | 'subscription-ended'; readonly error: Error }
  | { readonly type: 'message-undecodable' | 'message-dropped' | 'announcement-refused' }

export function createTell(namespace: string, notify: (notice: Notice) => void): Tell {
  const counts = new Map<string, number>()
  return (happened, problem) => {
    const { type } = happened
    const count = (counts.get(type) ?? 0) + 1
    counts.set(type, count)
    const times = count === 1 ? '' : ` (${count} times so far)`
    const warning = (count & (count - 1)) === 0 ? `${namespace}: ${problem}${times}` : undefined
    notify({ ...happened, namespace, count, ...(warning && { warning }) })
  }
}
