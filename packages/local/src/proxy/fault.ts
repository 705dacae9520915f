/** The settings of each fault. */
interface FaultSettings {
  /** None. */
  pass: unknown
  /** Nobody listens. Established connections are reset. */
  refuse: unknown
  /** Established connections are reset, new ones as soon as they are taken. */
  reset: unknown
  /** Bytes wait where they are, in both directions, and flow again afterwards: a network that comes back. */
  blackhole: unknown
  /** Every byte arrives so many milliseconds later. Default 0. */
  delay: { readonly up?: number; readonly down?: number }
  /** Requests reach the server, replies are thrown away. */
  swallowReplies: unknown
  /** Each connection ends after so many more bytes of replies. Default 1. */
  cut: { readonly after?: number }
  /** After so many more bytes of replies on each connection, all further ones arrive inverted. Default 0. */
  corrupt: { readonly after?: number }
  /** Replies arrive in pieces of `bytes` bytes, one each `every` milliseconds. Default 1 byte a millisecond. */
  trickle: { readonly bytes?: number; readonly every?: number }
}

export type FaultKind = keyof FaultSettings

/** What a proxy does to its connections, e.g. `{ kind: 'delay', down: 50 }`. */
export type Fault<K extends FaultKind = FaultKind> = { [P in K]: { readonly kind: P } & FaultSettings[P] }[K]

/** What becomes of bytes of a reply. Without `ends`, what is not delivered is swallowed. */
export interface Fate {
  readonly deliver: Buffer
  /** The connection ends behind them. */
  readonly ends?: boolean
}

export interface Pace {
  readonly bytes: number
  readonly every: number
}

/** What a fault means for one connection, from the moment it comes into force there. */
export interface Behaviour {
  /** How connections that come are met; those that are there end when it is not `open`. Default `open`. */
  readonly door?: 'open' | 'refuse' | 'reset'
  /** Nothing moves. Default false. */
  readonly held?: boolean
  /** Milliseconds. Default 0. */
  readonly delay?: { readonly up: number; readonly down: number }
  /** How fast replies arrive. Default at once. */
  readonly pace?: Pace
  /** Default: all are delivered. */
  replies?(chunk: Buffer): Fate
}

const behaviours: { readonly [K in FaultKind]: (fault: Fault<K>) => Behaviour } = {
  pass: () => ({}),
  refuse: () => ({ door: 'refuse' }),
  reset: () => ({ door: 'reset' }),
  blackhole: () => ({ held: true }),
  delay: ({ up = 0, down = 0 }) => ({ delay: { up, down } }),
  swallowReplies: () => ({ replies: () => ({ deliver: Buffer.alloc(0) }) }),
  cut({ after = 1 }) {
    let left = after
    return {
      replies(chunk) {
        const deliver = chunk.subarray(0, left)
        left -= deliver.length
        return { deliver, ends: deliver.length < chunk.length }
      },
    }
  },
  corrupt({ after = 0 }) {
    let left = after
    return {
      replies(chunk) {
        const sound = Math.min(left, chunk.length)
        left -= sound
        return { deliver: Buffer.from(chunk.map((byte, at) => (at < sound ? byte : byte ^ 0xff))) }
      },
    }
  },
  trickle: ({ bytes = 1, every = 1 }) => ({ pace: { bytes, every } }),
}

export function behaviourOf<K extends FaultKind>(fault: Fault<K>): Behaviour {
  const of: (fault: Fault<K>) => Behaviour = behaviours[fault.kind]
  return of(fault)
}
