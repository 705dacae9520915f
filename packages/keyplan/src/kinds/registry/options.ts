import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import type { Keep } from '../../mechanisms/log/terms.ts'
import type { NamespaceOptions } from '../../plan/declaration.ts'
import type { ParamName } from '../../plan/params.ts'

/** What reads answer when Redis cannot be asked: `unknown` is a value, `fail` rejects. */
export type RegistryWhenDown = 'unknown' | 'fail'

/** By what members are found beside their capabilities: a value made of the metadata for each field; undefined: by none. */
export type RegistryIndex<In, Field extends string> = {
  readonly [F in Field]: (metadata: In) => string | number | boolean | undefined
}

export interface RegistryOptions<P extends string, In, Out, Field extends string, Down extends RegistryWhenDown>
  extends NamespaceOptions<ParamName<P>> {
  /** How long a member is listed after its last heartbeat, 300ms to 7d. Default: 30s. */
  lease?: Duration
  /** How often its process says that it is alive, at most half the lease. Default: a third of it. */
  beat?: Duration
  /** What a member tells of itself beside its capabilities: a text codec, or any Standard Schema. Default: nothing. */
  metadata?: ValueSource<In, Out>
  /** Fields by which `where` finds members, each made of the metadata. */
  index?: RegistryIndex<In, Field>
  /** How many events are kept, or for how long. Default: 10,000, and for a day after the last beat. */
  keep?: Keep
  /**
   * Whether each member also lies as JSON at the key of its own, for readers in other languages, and for how long after it
   * was last written. It is written beside the step that changes the member, not in it. `true`: 5m. Default: false.
   */
  mirror?: boolean | { ttl?: Duration }
  /**
   * The name of a channel in the same plan on which each event is published, as JSON, in the step that makes it. The params
   * of the channel are among those that stand before the last one.
   */
  announce?: string
  /** Default: `unknown`. */
  whenDown?: Down
}

export const ownOptions = {
  lease: true,
  beat: true,
  metadata: true,
  index: true,
  keep: true,
  mirror: true,
  announce: true,
  whenDown: true,
} as const satisfies Readonly<
  Record<
    Exclude<keyof RegistryOptions<string, unknown, unknown, string, RegistryWhenDown>, keyof NamespaceOptions>,
    true
  >
>
