import { shown } from '../base/error.ts'
import type { Json } from '../base/json.ts'
import { type Declaration, type Durability, type NamespaceOptions, optionProblems } from './declaration.ts'

/** Whose keys they are. */
export type ForeignKind = 'bullmq' | 'celery' | 'sidekiq' | (string & {})

/** Hashing is left out: the keys are written by others. */
export interface ForeignOptions extends Omit<NamespaceOptions, 'hashed'> {
  kind: ForeignKind
  /** Whether the server may evict them. Default: `durable`. */
  durability?: Durability
  /** Default: `key`. */
  space?: 'key' | 'channel'
}

/** A namespace without a client: `redis.<namespace>` does not exist for it. */
export type ForeignDeclaration<P extends string = string> = Declaration<'foreign', P, undefined>

/**
 * Declares keys that other software writes, such as BullMQ queues, so that audit, doctor, ACL and metrics know them.
 * Their values stand in the keys as they are: `match` gives them back without decoding.
 */
export function foreign<P extends string>(pattern: P, options: ForeignOptions): ForeignDeclaration<P> {
  const { kind, durability = 'durable', space = 'key', ...common } = options ?? {}
  const problems = optionProblems(options, ['kind', 'durability', 'space'])
  if (typeof kind !== 'string' || kind === '')
    problems.push("needs a kind that says whose keys they are, e.g. 'bullmq'")
  if (!['evictable', 'durable', 'none'].includes(durability)) {
    problems.push(`durability is ${shown(durability)}; use 'evictable', 'durable' or 'none'`)
  }
  if (space !== 'key' && space !== 'channel') problems.push(`space is ${shown(space)}; use 'key' or 'channel'`)
  const facts: Record<string, Json> = { of: kind }
  return { kind: 'foreign', pattern, space, durability, whenDown: 'none', common, options: { kind }, facts, problems }
}

export function isForeign(declaration: Declaration): declaration is ForeignDeclaration {
  return declaration.kind === 'foreign'
}
