import type { Json } from '../base/json.ts'
import { groupProblems } from '../base/option-group.ts'
import type { Size } from '../base/size.ts'

/** What every namespace may say of itself, whatever its kind. The figures feed the doctor, the audit and the alerts. */
export interface NamespaceOptions<Param extends string = string> {
  /** One sentence for the table of namespaces. */
  doc?: string
  /** The team or person who answers for it. */
  owner?: string
  /** What it is expected to hold at most; the audit compares. */
  budget?: { keys?: number; bytes?: Size }
  /** Parameters whose value is a secret or long: the key holds the SHA-256 of it, as base64url. */
  hashed?: readonly Param[]
  /** Lowest healthy share of reads answered from the cache, 0 to 1. */
  minHitRatio?: number
  /** Most entries a consumer group may be behind. */
  maxLag?: number
  /** Most entries delivered and not yet acknowledged. */
  maxPending?: number
  /** Most jobs waiting. */
  maxDepth?: number
}

const commonNames: Readonly<Record<keyof NamespaceOptions, true>> = {
  doc: true,
  owner: true,
  budget: true,
  hashed: true,
  minHitRatio: true,
  maxLag: true,
  maxPending: true,
  maxDepth: true,
}

/** What is wrong with the options a declaration function was given, save their values. */
export function optionProblems(options: unknown, own: readonly string[]): string[] {
  return groupProblems(options, '', [...own, ...Object.keys(commonNames)])
}

/** Of the options a declaration function was given, those that every namespace may have. */
export const commonOf = (options: object): NamespaceOptions =>
  Object.fromEntries(Object.entries(options).filter(([name]) => name in commonNames))

export type Durability = 'evictable' | 'durable' | 'none'

/**
 * One namespace of a plan: inert data, made by a kind's declaration function (`cache`, `lock`, …). A declaration
 * never throws: what is wrong with it is collected in `problems`, and `definePlan` reports all of them at once.
 */
export interface Declaration<Kind extends string = string, Pattern extends string = string, Client = unknown> {
  readonly kind: Kind
  readonly pattern: Pattern
  /** Keys and channel names are two spaces: only patterns of one space can overlap. */
  readonly space: 'key' | 'channel'
  readonly durability: Durability
  readonly whenDown: string
  readonly common: NamespaceOptions
  /** The kind's own options with their defaults filled in; only the kind reads them. */
  readonly options: unknown
  /** What `describe` prints of the kind's own options. */
  readonly facts: { readonly [name: string]: Json }
  readonly problems: readonly string[]
  /** What is allowed but should be thought about. */
  readonly warnings?: readonly string[]
  /** The channel namespace on which each change is published, in the step that makes it. */
  readonly announce?: string | undefined
  /**
   * The parameter whose values share what the kind keeps: a change is announced without it, and in a slot that it has no
   * part in.
   */
  readonly gathers?: string | undefined
  /** Exists for the compiler alone: the type of `redis.<namespace>`. */
  readonly '~client'?: Client
}
