import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'

/** The keys a cache keeps beside its values. */
export interface CacheNames {
  /** Counts the invalidations of the namespace. */
  readonly count: string
  /** What was deleted lately, so that loads under way are refused. */
  readonly traces: string
  /** The version of the tag that was outdated last. */
  readonly epoch: string
  /** On a cluster: that somebody loads the key. */
  lease(key: string): string
  /** That one process of all loads the key, and the channel on which the end of that is announced. */
  claim(key: string): string
  loaded(key: string): string
  /** The largest fence of the writes to a key. */
  fenced(key: string): string
  /** Where the version of a tag is. Everywhere below the handle a tag goes by this name. */
  tag(tag: string): string
}

/** The pattern itself, with its `<name>`s, names the namespace: no key of any namespace can be equal to it. */
export function cacheNames({ source, tagged }: Pattern): CacheNames {
  return {
    count: helperKey(source, tagged, 'count'),
    traces: helperKey(source, tagged, 'gone'),
    epoch: helperKey(source, tagged, 'outdated'),
    lease: key => helperKey(key, tagged, 'load'),
    claim: key => helperKey(key, tagged, 'claim'),
    loaded: key => helperKey(key, tagged, 'loaded'),
    fenced: key => helperKey(key, tagged, 'fenced'),
    tag: tag => helperKey(source, tagged, `tag:${tag}`),
  }
}
