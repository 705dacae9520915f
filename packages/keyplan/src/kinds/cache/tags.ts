import { KeyplanError, kindOf } from '../../base/error.ts'
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
