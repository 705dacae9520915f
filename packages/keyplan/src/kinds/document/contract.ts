import type { CallOptions } from '../../base/call.ts'
import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import type { SourceHealth } from '../../mechanisms/source.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import type { MergePatch } from './merge-patch.ts'
import { type DocumentSettings, factsOf, settingsOf } from './settings.ts'

export interface DocumentOptions<P extends string, In, Out> extends NamespaceOptions<ParamName<P>> {
  /** How long it lives after the last write; `none`: until it is deleted. */
  ttl: Duration | 'none'
  /** Whether a write begins its time to live anew. `false`: it runs from the first write. Default: true. */
  renew?: boolean
  /** How many earlier versions are kept, 0 to 1,000. Default: 0. */
  history?: number
  /** How often a subscriber looks at it while nothing is told. Default: 30s. */
  poll?: Duration
  /**
   * The name of a channel in the same plan on which each change is published in the step that makes it, as a `DocumentChange`.
   * The params of the channel are among those of the document.
   */
  announce?: string
  /** A codec such as `json<T>()`, or any Standard Schema, which then validates what is written and what is read. */
  value: ValueSource<In, Out>
  /** What is shared has no other answer when Redis cannot be asked. */
  whenDown?: 'fail'
}

export interface DocumentDeclaration<P extends string = string, In = never, Out = unknown>
  extends Declaration<'document', P, DocumentNamespace<P, In, Out>> {
  readonly whenDown: 'fail'
  readonly options: DocumentSettings<In, Out>
}

/** `redis.<namespace>` of a document. */
export type DocumentNamespace<P extends string, In, Out> = (params: Params<P>) => Document<In, Out>

/** A document at one moment. */
export interface Snapshot<Out> {
  /** Undefined when there is none. */
  readonly value: Out | undefined
  /** Another one with each change; it grows as long as the document exists. 0 when there is none. */
  readonly version: number
}

/** What became of a write that depends on the version. */
export type Comparison<Out> =
  | { readonly done: true; readonly version: number }
  /** Someone else has changed it: this is how it stands. */
  | ({ readonly done: false } & Snapshot<Out>)

export interface DocumentUpdateOptions extends CallOptions {
  /** The most times that it is tried, against others who change it as well. Default: 100. */
  attempts?: number | undefined
}

export interface DocumentSubscribeOptions {
  /** Something may have been missed and is read anew: intermediate versions were not seen. */
  onGap?: (() => void) | undefined
}

/** Follows a document until it is closed. */
export interface DocumentSubscription extends AsyncDisposable {
  readonly health: SourceHealth
  /** Calls the listener no more; resolves when it is not at work. */
  close(): Promise<void>
}

/** One shared value, by its key. */
export interface Document<In, Out> {
  /** @throws KeyplanError DECODE_FAILED for what does not read as declared; when Redis cannot be asked */
  get(options?: CallOptions): Promise<Out | undefined>
  /** The same with its version. */
  read(options?: CallOptions): Promise<Snapshot<Out>>
  /**
   * Puts it in place of whatever is there.
   *
   * @returns the new version
   * @throws KeyplanError VALUE_INVALID; DOCUMENT_CONFLICT with the outcome `unknown` when a reply was lost and something else is
   * there now, so that nobody can tell
   */
  set(value: In, options?: CallOptions): Promise<number>
  /**
   * Writes only if it still has the version that was read; 0: only if there is none.
   *
   * @throws KeyplanError VALUE_INVALID, PARAM_INVALID; DOCUMENT_CONFLICT as `set`
   */
  compareAndSet(version: number, value: In, options?: CallOptions): Promise<Comparison<Out>>
  /**
   * Reads, changes, and writes if nobody else has meanwhile; otherwise again with what they wrote, so `change` may be called
   * several times. Updates of one document by this process follow each other. Undefined from `change` leaves it as it is.
   *
   * @throws KeyplanError DOCUMENT_CONFLICT after so many attempts; whatever `change` throws; as `compareAndSet`
   */
  update(
    change: (current: Out | undefined) => Promise<In | undefined> | In | undefined,
    options?: DocumentUpdateOptions,
  ): Promise<Snapshot<Out>>
  /**
   * Applies a JSON merge patch (RFC 7396), as an update: fields that are null are removed, objects are merged, everything else
   * is replaced. What is not there is patched as `{}`.
   *
   * @throws KeyplanError UNSUPPORTED for values that are not stored as JSON; as `update`
   */
  patch(patch: MergePatch<Out>, options?: DocumentUpdateOptions): Promise<Snapshot<Out>>
  /**
   * Is not sent again when its reply was lost: the outcome is `unknown`.
   *
   * @returns false when there was none, or it has another version than `ifVersion`
   */
  delete(options?: CallOptions & { ifVersion?: number | undefined }): Promise<boolean>
  /** Earlier versions, the newest first, as far as `history` keeps them. */
  history(options?: CallOptions): Promise<readonly { readonly value: Out; readonly version: number }[]>
  /**
   * Calls the listener with the document as it is, and after each change; one call at a time. Of changes that follow each other
   * quickly the last is told for certain. What it throws is a notice, `handler-failed`. Writes by other programs, and the end of its life, are seen within `poll`.
   *
   * @throws KeyplanError PARAM_INVALID, CLOSED
   */
  subscribe(
    listener: (snapshot: Snapshot<Out>) => Promise<void> | void,
    options?: DocumentSubscribeOptions,
  ): DocumentSubscription
}

const ownOptions: Readonly<Record<Exclude<keyof DocumentOptions<string, never, never>, keyof NamespaceOptions>, true>> =
  {
    ttl: true,
    renew: true,
    history: true,
    poll: true,
    announce: true,
    value: true,
    whenDown: true,
  }

/** Declares shared documents: `document('collab:<sessionId>', { ttl: '1h', value: json<Session>() })`. */
export function document<const P extends string, In, Out = In>(
  pattern: P,
  options: DocumentOptions<P, In, Out>,
): DocumentDeclaration<P, In, Out> {
  const { ttl, renew, history, poll, value, whenDown, announce, ...common } = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = settingsOf<In, Out>({ ttl, renew, history, poll, value, whenDown, announce }, problems)
  return {
    kind: 'document',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: 'fail',
    common,
    options: settings,
    facts: factsOf(settings),
    announce: settings.announce,
    problems,
  }
}
