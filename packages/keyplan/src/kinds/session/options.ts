import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import type { NamespaceOptions } from '../../plan/declaration.ts'

/**
 * What happens when Redis cannot be asked. `fail` rejects. `memory`: sessions that this process has read or written lately can
 * be read, and new ones live in this process alone until Redis is back; all of them are marked `degraded`. What it does not know
 * rejects.
 */
export type SessionWhenDown = 'fail' | 'memory'

export interface SessionOptions<In, Out = In> extends Omit<NamespaceOptions, 'hashed'> {
  /** How long a session lives when it is not used. */
  ttl: Duration
  /** The data: `json<T>()`, or a schema. What is stored is plain JSON, an object. */
  value: ValueSource<In, Out>
  /** How long a session lives at most, however much it is used. Default: without end. */
  absolute?: Duration
  /**
   * Use is noted at most this often, so a session may end this much before its `ttl` is over. At most half of `ttl`.
   * Default: a tenth of `ttl`, 5 minutes at most.
   */
  touchEvery?: Duration
  /**
   * Sessions can be found by their user, and a user has at most `max` of them: the oldest ends. Default: without bound.
   */
  perUser?: {
    /** Whose a session is, by its data; undefined or null: nobody's. Pure. */
    by: (data: NoInfer<In>) => string | number | undefined | null
    max?: number
  }
  /** How long an old id leads to the session after `rotate`, at most 5 minutes. Default: it ends at once. */
  rotateGrace?: Duration
  /**
   * `hash`: the key holds the SHA-256 of the id. `plain`: the id itself, for keys shared with other services; who can read the
   * keyspace can then log in as anybody, and the plan warns of it. Default: `hash`.
   */
  idInKey?: 'hash' | 'plain'
  /**
   * The name of a channel in the same plan on which the beginning, the move and the end of a session are published in the step that
   * makes them, as a `SessionEvent`. The end of a lifetime is not: nobody makes it.
   */
  announce?: string
  /** Default: `fail`. */
  whenDown?: SessionWhenDown
}

type OwnOption = Exclude<keyof SessionOptions<object>, keyof NamespaceOptions>

const own: Readonly<Record<OwnOption, true>> = {
  ttl: true,
  value: true,
  absolute: true,
  touchEvery: true,
  perUser: true,
  rotateGrace: true,
  idInKey: true,
  announce: true,
  whenDown: true,
}

export const sessionOptionNames = Object.keys(own) as readonly OwnOption[]
