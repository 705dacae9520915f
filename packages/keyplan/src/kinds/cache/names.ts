import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'

/** The keys a cache keeps beside its values. */
export interface CacheNames {
  /** Counts the invalidations of the namespace. */
  readonly count: string
  /** The count at the last clearing. */
  readonly cleared: string
  /** The version of a tag. */
  tag(tag: string): string
  /** What a delete leaves behind, so that a load under way is refused. */
  trace(key: string): string
}

/** The pattern itself, with its `<name>`s, names the namespace: no key of any namespace can be equal to it. */
export function cacheNames({ source, tagged }: Pattern): CacheNames {
  return {
    count: helperKey(source, tagged, 'count'),
    cleared: helperKey(source, tagged, 'cleared'),
    tag: tag => helperKey(source, tagged, `tag:${tag}`),
    trace: key => helperKey(key, tagged, 'gone'),
  }
}
