import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Counting } from './figures.ts'
import type { Opened } from './form.ts'
import type { Near } from './near.ts'
import type { Copy } from './near-copy.ts'

/** Whoever is answered: one key, with the copy that was last seen of it. */
export interface Asking {
  readonly params: ParamValues
  readonly key: string
  copy: Copy | undefined
}

/** What reads make of what is at hand or was found, and how it is counted. */
export interface Answers {
  /** What is at hand and may be believed. */
  nearby(asking: Asking): Copy | undefined
  freshValue(opened: Opened): unknown
  /** Counts a fresh value. */
  counted(value: unknown): unknown
  /** What was found, as due as the copy was that it is read in place of. */
  asDue(asking: Pick<Asking, 'copy'>, opened: Opened): Opened
}

export function createAnswers(counting: Counting, near: Near | undefined): Answers {
  function counted(value: unknown): unknown {
    if (value === undefined) counting.negative++
    else counting.hits++
    return value
  }
  return {
    nearby(asking) {
      if (near === undefined) return undefined
      const copy = asking.copy === undefined || asking.copy.gone ? near.at(asking.params, asking.key) : asking.copy
      if (copy === undefined) return undefined
      asking.copy = copy
      if (!near.believes(copy)) return undefined
      counting.nearHits++
      return copy
    },
    freshValue(opened) {
      if (opened.is === 'fresh' || opened.is === 'due') return counted(opened.value)
      counting.misses++
      return undefined
    },
    counted,
    // Chance says once for a read whether the value is loaded ahead of time: if it did for the copy, so it is.
    asDue({ copy }, opened) {
      const isSame = copy?.due && opened.is === 'fresh' && opened.marks.freshUntil === copy.marks.freshUntil
      return isSame ? { ...opened, is: 'due' } : opened
    },
  }
}
