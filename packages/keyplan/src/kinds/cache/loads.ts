import type { Reading, Version } from './contract.ts'

/** What a load is known to be based on. Two callers share a load only if they saw the same. */
export type Sight = Pick<Reading, 'seen' | 'tags'>

/** The loads of this process that are under way: one for each key. */
export interface Loads<T> {
  /**
   * Joins the load of the key that is under way, or starts one. A load that began before an invalidation the caller
   * has seen is not joined: its result may be older than that. `wanted` turns false when the load is dropped or
   * replaced.
   */
  share(key: string, sight: Sight, load: (wanted: () => boolean) => Promise<T>): Promise<T>
  /** What is called from now on starts a load of its own. */
  drop(key: string): void
  dropAll(): void
}

export function createLoads<T>(): Loads<T> {
  const underWay = new Map<string, { readonly sight: Sight; result: Promise<T> }>()

  return {
    share(key, sight, load) {
      const present = underWay.get(key)
      if (present && sameSight(present.sight, sight)) return present.result
      const wanted = () => underWay.get(key)?.sight === sight
      const result = Promise.resolve()
        .then(() => load(wanted))
        .finally(() => {
          if (wanted()) underWay.delete(key)
        })
      underWay.set(key, { sight, result })
      return result
    },
    drop: key => void underWay.delete(key),
    dropAll: () => underWay.clear(),
  }
}

function sameSight(one: Sight, other: Sight): boolean {
  return one.seen === other.seen && one.tags.every((version, index) => sameTag(version, other.tags[index]))
}

/** A tag that was not tracked at the first miss may be by the second: that is no invalidation. */
function sameTag(one: Version | null, other: Version | null | undefined): boolean {
  return one === other || one === null
}
