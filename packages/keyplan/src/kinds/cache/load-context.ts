import { durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { LoadContext } from './contract.ts'
import type { Asked } from './fetch.ts'
import type { Content } from './form.ts'
import type { Refusals } from './refusals.ts'
import type { CacheSettings } from './settings.ts'
import { namedTags } from './tags.ts'
import { unchanged } from './unchanged.ts'

/** What one run of a loader says, beside what it returns. */
export interface LoadReport {
  readonly context: LoadContext<unknown>
  /** The time to live it set, if any. */
  readonly ttlMs: number | undefined
  readonly skipped: boolean
  /** The tags it named; those of the previous value, where that is unchanged and none were named. */
  readonly tags: readonly string[]
  /** What its result says is to be stored; undefined for nothing. */
  contentOf(result: unknown): Content | undefined
}

/** @param previous what was found, as the loader's own: whoever asked may have got what was opened */
export function createLoadReport(
  { opened, found }: Asked,
  previous: unknown,
  settings: CacheSettings,
  refusals: Refusals,
): LoadReport {
  let ttlMs: number | undefined
  let skipped = false
  let tags: readonly string[] = []
  return {
    context: {
      previous,
      unchanged,
      setTtl(ttl) {
        ttlMs = refusals.named(() => durationMs(ttl, 'ttl', shown))
      },
      addTags(...given) {
        if (!settings.loaderTags) {
          throw refusals.refusal('UNSUPPORTED', 'addTags() needs a namespace that declares `loaderTags: true`')
        }
        tags = refusals.named(() => namedTags([...tags, ...given]))
      },
      skipStore() {
        skipped = true
      },
    },
    get ttlMs() {
      return ttlMs
    },
    get skipped() {
      return skipped
    },
    get tags() {
      return tags
    },
    contentOf(result) {
      if (result === undefined) return settings.negativeTtlMs > 0 ? { is: 'none' } : undefined
      if (result !== unchanged) return { is: 'value', value: result }
      if (opened.is !== 'miss' && previous !== undefined) {
        if (tags.length === 0) tags = opened.marks.named ?? tags
        return { is: 'unchanged', stored: found.stored! }
      }
      const message = 'a loader said that the previous value is unchanged and there is none; return the value'
      throw refusals.refusal('PARAM_INVALID', message)
    },
  }
}
