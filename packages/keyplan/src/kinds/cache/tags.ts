import { KeyplanError, kindOf } from '../../base/error.ts'
import { isWellFormed } from '../../base/unicode.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { CacheNames } from './names.ts'
import type { CacheSettings } from './settings.ts'

/** More would not fit into the header of a value. */
const mostTags = 100

const noTags: readonly string[] = Object.freeze([])

/** @throws KeyplanError PARAM_INVALID when the function of the plan does not give a list of tags */
export function tagsOf({ tags }: CacheSettings, params: ParamValues, names: CacheNames): readonly string[] {
  if (!tags) return noTags
  const list: unknown = tags(params)
  if (!Array.isArray(list)) {
    throw new KeyplanError('PARAM_INVALID', `tags gave ${kindOf(list)}; let it give a list of strings`)
  }
  if (list.length > mostTags) {
    throw new KeyplanError('PARAM_INVALID', `tags gave ${list.length} tags; a value carries at most ${mostTags}`)
  }
  for (const tag of list) {
    if (typeof tag !== 'string') throw new KeyplanError('PARAM_INVALID', `a tag is ${kindOf(tag)}; make it a string`)
  }
  return list.map(names.tag)
}

/** What the names of tags may take in the header of a value, as they are written there. */
const mostBytes = 2_000

/**
 * Those a loader names, each once.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function namedTags(given: readonly unknown[]): readonly string[] {
  const list = [...new Set(given)]
  const refusal = (what: string) => new KeyplanError('PARAM_INVALID', `addTags() was given ${what}`)
  for (const tag of list) {
    if (typeof tag !== 'string') throw refusal(`${kindOf(tag)}; give it strings`)
    if (tag === '' || !isWellFormed(tag)) throw refusal('an empty or ill-formed string; give it text')
  }
  const tags = list as string[]
  if (tags.length > mostTags) throw refusal(`${tags.length} tags; a value carries at most ${mostTags}`)
  const bytes = tags.map(encodeURIComponent).join().length
  if (bytes > mostBytes) throw refusal(`tags of ${bytes} bytes, escaped; a value carries at most ${mostBytes}`)
  return tags
}
