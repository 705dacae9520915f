/** What went over the channels of a namespace since the client was opened. */
export interface ChannelFigures {
  readonly published: number
  /** Not published, because Redis could not be asked. */
  readonly publishesDropped: number
  /** Subscriptions that are open. */
  readonly subscriptions: number
  /** Messages that reached this process, once for each subscription. */
  readonly received: number
  /** Given to handlers and loops. */
  readonly delivered: number
  /** Received and not delivered: there was no room. */
  readonly dropped: number
  /** Received and not delivered: they did not decode. */
  readonly undecodable: number
  readonly handlerErrors: number
  /** How often a subscription was told that messages were, or may have been, missed. */
  readonly gaps: number
}

export type Counting = { -readonly [Figure in keyof ChannelFigures]: number }

export const createCounting = (): Counting => ({
  published: 0,
  publishesDropped: 0,
  subscriptions: 0,
  received: 0,
  delivered: 0,
  dropped: 0,
  undecodable: 0,
  handlerErrors: 0,
  gaps: 0,
})
