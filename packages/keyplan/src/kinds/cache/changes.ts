import type { Certainty } from './contract.ts'
import type { Lookup } from './lookup.ts'
import type { Near } from './near.ts'
import type { NamedTags } from './tag-versions.ts'

/** Changes that this process makes. */
export interface Changes {
  /** Drops what this process has of what is to be changed, and again when it is: what came between may be older. */
  make<T>(what: readonly string[] | 'all', dropLoads: () => void, change: () => Promise<T>): Promise<T>
  /** What became of one that concerned the key or the tags. */
  certainty(key: string | undefined, tags: readonly string[]): Certainty
}

export interface ChangesParts {
  readonly lookup: Pick<Lookup, 'flush'>
  /** Copies in this process. */
  readonly near: Near | undefined
  readonly named: NamedTags | undefined
  /** Whether an invalidation of the key or one of the tags is owed. */
  readonly owed: (key: string | undefined, tags: readonly string[]) => boolean
}

export function createChanges({ lookup, near, named, owed }: ChangesParts): Changes {
  function dropCopies(what: readonly string[] | 'all'): void {
    if (what === 'all') {
      near?.clear()
      return
    }
    near?.drop(what)
    named?.versions.drop(what)
  }
  return {
    async make(what, dropLoads, change) {
      lookup.flush()
      dropLoads()
      dropCopies(what)
      try {
        return await change()
      } finally {
        dropCopies(what)
      }
    },
    certainty: (key, tags) => (owed(key, tags) ? 'owed' : 'done'),
  }
}
