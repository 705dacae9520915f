import type { CallOptions } from '../../base/call.ts'
import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import type { Json } from '../../base/json.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import type { Command } from '../../redis/redis.ts'
import type { Committed } from './effects.ts'
import type { KeptFailure } from './failure.ts'
import { factsOf, type OnceSettings, settingsOf } from './settings.ts'

export interface OnceOptions<P extends string = string> extends NamespaceOptions<ParamName<P>> {
  /**
   * How long an operation is remembered after the last word of whoever runs it: what comes later is a new one. It must be
   * longer than the longest time after which a duplicate can still arrive.
   */
  ttl: Duration
  /**
   * What becomes of an operation whose process fell silent. `rerun`: the next caller runs it again, so it runs at least once;
   * `token` is what makes its effect happen once. `refuse`: nobody does, so it runs at most once; callers are told `unknown`
   * until somebody has found out and calls `forget`.
   */
  onCrash: 'rerun' | 'refuse'
  /** How long a process may be silent before it counts as crashed, 100 ms to 1 h; renewed while it works. Default: 30s. */
  lease?: Duration
  /**
   * What becomes of what the work throws. `forget`: the next caller runs it again. `keep`: it is stored like a result, and
   * callers are told of it (ONCE_FAILED). Default: `forget`; with `refuse` always `keep`.
   */
  failures?: 'forget' | 'keep'
  /** Nothing runs when Redis cannot be asked: there is no other answer that keeps the promise. */
  whenDown?: 'fail'
}

export interface OnceDeclaration<P extends string = string, In = never, Out = unknown>
  extends Declaration<'once', P, OnceNamespace<P, In, Out>> {
  readonly whenDown: 'fail'
  readonly options: OnceSettings<In, Out>
}

/** `redis.<namespace>` of a once. */
export type OnceNamespace<P extends string, In, Out> = (params: Params<P>) => Once<In, Out>

/** What the work is given. */
export interface OnceRun<In> {
  /**
   * A UUID that is made from the key, so it is the same for every run of this operation, in whichever process, also after
   * Redis has lost its data. A sink that is unique on it takes the effect once.
   */
  readonly token: string
  /** 1, and one more each time a process fell silent and another took over. */
  readonly attempt: number
  /** Fires with ONCE_LOST when another may run the operation now, and with the caller's own signal. */
  readonly signal: AbortSignal
  /**
   * What the work returns so that its effect is commands on this Redis: they are carried out in the very step that marks the
   * operation as done, and only if it is still this caller's. So they happen exactly once, as long as Redis keeps its data.
   * On a cluster their keys lie in the slot of the mark. At most 1,000 words.
   *
   * @throws KeyplanError PARAM_INVALID for what is no list of commands; CROSS_SLOT; UNSUPPORTED in memory mode
   */
  commit(commands: readonly Command[], result: In): Committed<In>
}

export type OnceWork<In> = (run: OnceRun<In>) => Promise<In | Committed<In>> | In | Committed<In>

export interface OnceCallOptions extends CallOptions {
  /** How long to wait for another who runs the operation. Default: no wait. */
  wait?: Duration | undefined
  /**
   * The request. One with the same key and another payload is refused. Only its SHA-256 is stored; the order of the fields of
   * objects does not matter.
   */
  payload?: Json | Uint8Array | undefined
}

/** How an operation stands. */
export type OnceAnswer<Out> =
  /** `replayed`: an earlier run has given it. */
  | { readonly state: 'done'; readonly result: Out; readonly replayed: boolean }
  /** Another runs it. `retryAfterMs`: until it counts as crashed, if nothing more is heard of it. */
  | { readonly state: 'running'; readonly retryAfterMs: number }
  | { readonly state: 'failed'; readonly failure: KeptFailure }
  /** Its process fell silent; whether it had its effect is not known. */
  | { readonly state: 'unknown' }
  /** The key was used with another payload. */
  | { readonly state: 'mismatch' }

/** What is known of an operation. Times in milliseconds. */
export type OnceView<Out> =
  | { readonly state: 'none' }
  | {
      readonly state: 'running' | 'unknown'
      readonly attempt: number
      readonly leaseMs: number
      readonly remainingMs: number
    }
  | { readonly state: 'done'; readonly attempt: number; readonly result: Out; readonly remainingMs: number }
  | { readonly state: 'failed'; readonly attempt: number; readonly failure: KeptFailure; readonly remainingMs: number }

/** One operation, by its key. */
export interface Once<In, Out> {
  /**
   * Runs the work unless it was run before, and gives its result: to duplicates the stored one. The options bound the wait
   * for another, not the work. Where this rejects with the outcome `unknown`, the work may have had its effect: ask again
   * with the same key.
   *
   * @throws KeyplanError ONCE_RUNNING while another runs it; ONCE_FAILED for a failure that is kept; ONCE_UNKNOWN;
   * ONCE_MISMATCH; ONCE_LOST when it was taken over meanwhile, so that this result is not the one that counts;
   * VALUE_INVALID for a result that cannot be stored, which is kept as a failure; ABORTED; CLOSED; when Redis cannot be
   * asked; and to its own caller whatever the work throws
   */
  run(work: OnceWork<In>, options?: OnceCallOptions): Promise<Out>
  /** As `run`, but how the operation stands is a value: no ONCE_ error but ONCE_LOST. */
  tryRun(work: OnceWork<In>, options?: OnceCallOptions): Promise<OnceAnswer<Out>>
  inspect(options?: CallOptions): Promise<OnceView<Out>>
  /**
   * Removes what is known of it, whatever it is, so that it may run again, with the same token. Whoever runs it now has lost it.
   *
   * @returns false when nothing was known
   */
  forget(options?: CallOptions): Promise<boolean>
}

const ownOptions: Readonly<Record<Exclude<keyof OnceOptions, keyof NamespaceOptions> | 'value', true>> = {
  ttl: true,
  onCrash: true,
  lease: true,
  failures: true,
  whenDown: true,
  value: true,
}

/** Declares operations that run once for each key and have no result to remember, only that they were done. */
export function once<const P extends string>(
  pattern: P,
  options: OnceOptions<P> & { value?: undefined },
): OnceDeclaration<P, void, void>
// The usual one stands last: it is the one whose errors TypeScript tells.
/**
 * Declares operations that run once for each key: `once('idem:<key>', { ttl: '24h', onCrash: 'rerun', value: json<Receipt>() })`.
 */
export function once<const P extends string, In, Out = In>(
  pattern: P,
  options: OnceOptions<P> & { value: ValueSource<In, Out> },
): OnceDeclaration<P, In, Out>
export function once<const P extends string, In, Out>(
  pattern: P,
  options: OnceOptions<P> & { value?: ValueSource<In, Out> | undefined },
): OnceDeclaration<P, In, Out> {
  const { ttl, onCrash, lease, failures, whenDown, value, ...common } = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = settingsOf({ ttl, onCrash, lease, failures, whenDown, value }, problems)
  return {
    kind: 'once',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: 'fail',
    common,
    options: settings,
    facts: factsOf(settings),
    problems,
  }
}
