import { createHash } from 'node:crypto'

/** What makes a record the same one, wherever and however often it is sent. */
export interface RecordIdentity {
  readonly userId: string
  readonly platform: string
  readonly dataSourceId: string
  readonly externalId: string
}

export interface NewRecord extends RecordIdentity {
  readonly title: string
  readonly content: string
  readonly facets: readonly Facet[]
}

export interface StoredRecord extends RecordIdentity {
  readonly id: string
  readonly title: string
  readonly content: string
  readonly createdAt: string
}

/** Something two records can have in common. */
export interface Facet {
  readonly kind: 'person' | 'address' | 'link' | 'tag'
  readonly value: string
}

/**
 * The id follows from the identity, so that every instance knows which lock to take before anything is stored:
 * the first 128 bits of a SHA-256, which no two identities share in practice.
 */
export function recordId({ userId, platform, dataSourceId, externalId }: RecordIdentity): string {
  const identity = JSON.stringify([userId, platform, dataSourceId, externalId])
  return createHash('sha256').update(identity).digest('hex').slice(0, 32)
}
