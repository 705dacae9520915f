import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import type { Size } from '../../base/size.ts'
import type { NamespaceOptions } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'

export interface CacheOptions<P extends string, In, Out> extends NamespaceOptions<ParamName<P>> {
  /** How long a value is fresh. */
  ttl: Duration
  /**
   * The share of `ttl`, from 0 to 1, that chance may take away from each value, so that what was stored together does not
   * expire together. A `ttl` given with a value is kept as it is. Default: 0.
   */
  jitter?: number
  /**
   * For so long after `ttl`, `getOrLoad` answers with the old value at once and loads the new one in the background.
   * `get` never gives a value that is older than `ttl`. Default: off.
   */
  staleWhileRevalidate?: Duration
  /**
   * For so long after `ttl`, `getOrLoad` answers with the old value when the loader fails. The loader is then left alone
   * for a second, twice as long after each further failure, up to 30 s. Default: off.
   */
  staleIfError?: Duration
  /**
   * Loads a value in the background before it expires, when it is asked for: a number is the share of its time to live
   * after which that begins, such as 0.8; `xfetch` begins at random, the earlier the longer the load takes (optimal
   * probabilistic early expiration: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention",
   * PVLDB 8(8), 2015, with β = 1). Default: off.
   */
  earlyRefresh?: number | 'xfetch'
  /** For so long it is remembered that a loader found nothing; without it the next caller asks again. Default: off. */
  negativeTtl?: Duration
  /**
   * How long `getOrLoad` waits for the loader, which goes on in the background all the same: after `soft` it answers with
   * an old value, if `staleIfError` or `staleWhileRevalidate` has left one; after `hard` with that or TIMEOUT. Who asks after
   * that begins another load, in case this one never ends. A duration alone is `hard`. Default: no limit but the call's own
   * `deadline`.
   */
  loadTimeout?: Duration | { soft?: Duration; hard?: Duration }
  /**
   * Lets one process of all load a key, while the others wait for its value, by notification: for at most `wait`
   * (default 5s), then each loads for itself. The right to load lasts for the hard `loadTimeout`, else for `loadWindow`.
   * Costs a miss one more round trip. Default: each process loads once.
   */
  acrossProcesses?: boolean | { wait?: Duration }
  /**
   * Keeps copies of values in this process. Redis tells which keys change, whoever changes them, so that a copy is older
   * than the truth for about a trip; while that cannot be heard, nothing is kept. Where the server does not tell at all,
   * copies live for a second at most, which is noticed once (`near-untracked`). `true` takes the defaults. Default: off.
   */
  near?: boolean | NearOptions
  /**
   * The largest value that is stored, as its codec writes it. `set` refuses a larger one; one that was loaded is returned and
   * not stored, with a `notice`. Default: what the server takes, 512 MB.
   */
  maxBytes?: Size
  /** A codec such as `json<T>()`, or any Standard Schema, which then validates what is written and what is read. */
  value: ValueSource<In, Out>
  /** Tags of a key, made from its params. `invalidateTag` outdates all values that carry one. */
  tags?: (params: Params<P>) => readonly string[]
  /**
   * Lets loaders name further tags (`load.addTags`), which only they know. A miss then costs one more round trip, and so does
   * the first read of a value with tags that this process has not met lately; where Redis does not tell which tags change,
   * every read of one. A change of such a tag by another process is seen after about a trip, as with `near`. Default: false.
   */
  loaderTags?: boolean
  /**
   * When Redis cannot be asked: `load` reads as a miss, so that the loader answers (default); `memory` serves from a
   * bounded store in this process; `fail` rejects. With `load` and `memory`, invalidations are kept and carried out
   * before the first read after the outage.
   */
  whenDown?: 'load' | 'memory' | 'fail'
  /**
   * How many loaders run at once while Redis cannot be asked; further ones take turns, in order; the
   * newest first while the oldest has waited for half of its time. One that is past its hard `loadTimeout` is no longer
   * counted, nor is one that a loader of this namespace asks for. Default: 64.
   */
  maxLoadsWhenDown?: number
  /**
   * How long the namespace remembers what was deleted. A load that takes longer is not stored if a delete that happened
   * meanwhile is already forgotten. Default: 30s.
   */
  loadWindow?: Duration
  /**
   * `allow`: read from a replica where there is one. What it has may be as old as it is behind its master, also after a
   * change by this process. Default: `never`.
   */
  replica?: 'allow' | 'never'
}

export interface NearOptions {
  /** Most values. Default: 10,000. */
  max?: number
  /** Most bytes that copies take of the memory of the process, about: frozen objects take several times their JSON. Default: 64mb. */
  maxBytes?: Size
  /** How long a copy lives, which bounds what could go unheard. Default: 1m. Never longer than the namespace's `ttl`. */
  ttl?: Duration
  /**
   * `frozen`: all who read a key share one frozen value; what cannot be frozen, such as a Date or a buffer, is decoded for
   * each. `copies`: everything is decoded for each. Default: `frozen`.
   */
  values?: 'frozen' | 'copies'
}

export type WhenDown = NonNullable<CacheOptions<string, unknown, unknown>['whenDown']>

export const ownOptions: Readonly<
  Record<Exclude<keyof CacheOptions<string, unknown, unknown>, keyof NamespaceOptions>, true>
> = {
  ttl: true,
  value: true,
  jitter: true,
  staleWhileRevalidate: true,
  staleIfError: true,
  earlyRefresh: true,
  negativeTtl: true,
  loadTimeout: true,
  acrossProcesses: true,
  near: true,
  maxBytes: true,
  tags: true,
  loaderTags: true,
  whenDown: true,
  maxLoadsWhenDown: true,
  loadWindow: true,
  replica: true,
}
