import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import type { Size } from '../../base/size.ts'
import type { Keep } from '../../mechanisms/log/terms.ts'
import type { NamespaceOptions } from '../../plan/declaration.ts'
import type { ParamName } from '../../plan/params.ts'

export type { Keep }

export interface FeedOptions<P extends string, In, Out> extends NamespaceOptions<ParamName<P>> {
  /** A codec such as `json<T>()`, or any Standard Schema, which then validates what is appended and what is read. */
  value: ValueSource<In, Out>
  /** How long the whole lives after the last entry. */
  ttl: Duration
  /**
   * How much is kept: a number of entries, a length of time, or `{ count, age, bytes }` with whichever comes first. What is
   * more goes with the next append, the oldest first; the newest entry always stays. Default: 10,000 entries.
   */
  keep?: Keep
  /** `false`: the `ttl` runs from the first entry, and later ones do not renew it. Default: true. */
  renew?: boolean
  /** The largest entry, as its codec writes it; `append` refuses a larger one. Default: what the server takes, 512 MB. */
  maxBytes?: Size
  /**
   * The name of a channel in the same plan on which each entry is published in the step that appends it, as its codec
   * writes it. The params of the channel are among those of the feed.
   */
  announce?: string
}

export const ownOptions: Readonly<
  Record<Exclude<keyof FeedOptions<string, unknown, unknown>, keyof NamespaceOptions>, true>
> = { value: true, ttl: true, keep: true, renew: true, maxBytes: true, announce: true }
