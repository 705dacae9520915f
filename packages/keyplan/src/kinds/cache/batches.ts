import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import type { Duration } from '../../base/duration.ts'
import { KeyplanError } from '../../base/error.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { CacheEntry, CacheNamespace, Certainty } from './contract.ts'
import type { Opened } from './form.ts'
import type { CacheLoader, Miss } from './loader.ts'
import type { Found, Question, Reads } from './reads.ts'

/** What takes many keys at once. */
type Batches = Pick<CacheNamespace<ParamValues, unknown, unknown>, 'getMany' | 'getOrLoadMany' | 'setMany'>

interface BatchParts {
  /** How errors name the namespace. */
  readonly source: string
  readonly reads: Reads
  readonly loader: CacheLoader
  readonly clock: Clock
  misuse(verb: string, given: unknown, remedy: string): KeyplanError
  entry(params: ParamValues): CacheEntry<unknown, unknown> & Question
  open(found: Found, question: Question): Opened
}

export function createBatches({ source, reads, loader, clock, misuse, entry, open }: BatchParts): Batches {
  function listOf<T>(given: readonly T[], verb: string, remedy: string): readonly T[] {
    if (!Array.isArray(given)) throw misuse(verb, given, remedy)
    return given
  }

  return {
    async getMany(list, options) {
      const questions = listOf(list, 'getMany()', 'an array of params').map(entry)
      if (questions.length === 0) return []
      const found = await reads.many(questions, options)
      return found.map((one, index) => {
        const opened = open(one, questions[index]!)
        return opened.usable ? opened.value : undefined
      })
    },

    async getOrLoadMany(list, load, options) {
      const questions = listOf(list, 'getOrLoadMany()', 'an array of params').map(entry)
      if (typeof load !== 'function') throw misuse('getOrLoadMany()', load, 'a function that loads the values of many')
      if (questions.length === 0) return []
      const begun = clock.now()
      const found = await reads.many(questions, options)
      const values: unknown[] = []
      const misses: (Miss & { readonly place: number })[] = []
      for (const [place, question] of questions.entries()) {
        const opened = open(found[place]!, question)
        if (opened.usable) values[place] = opened.value
        else misses.push({ place, question, found: found[place]!, replaces: opened.replaces })
      }
      const missing = createGather<ParamValues, unknown>({
        max: Number.POSITIVE_INFINITY,
        run: async asked => loaded(await load(asked), asked.length),
      })
      const loaderOf = (index: number) => () => missing.add(list[misses[index]!.place]!)
      const answers = await loader.loadTogether(misses, loaderOf, options, begun)
      for (const [index, { place }] of misses.entries()) values[place] = answers[index]
      return values
    },

    async setMany(entries, options) {
      const remedy = 'an array of { params, value, ttl }'
      const list = listOf(entries, 'setMany()', remedy).map(one => {
        if (typeof one !== 'object' || one === null) throw misuse('setMany()', one, remedy)
        return { ...one, at: entry(one.params) }
      })
      const became = await Promise.all(list.map(({ at, value, ttl }) => at.set(value, withTtl(ttl, options))))
      return became.includes('owed') ? 'owed' : ('done' satisfies Certainty)
    },
  }

  function loaded(values: unknown, asked: number): readonly unknown[] {
    const remedy = 'one value for each of the params it is given, in order'
    if (!Array.isArray(values)) throw misuse('the loader of getOrLoadMany()', values, remedy)
    if (values.length === asked) return values
    const message = `the loader of getOrLoadMany() of '${source}' gave ${values.length} values for ${asked}; give ${remedy}`
    throw new KeyplanError('PARAM_INVALID', message)
  }
}

function withTtl(ttl: Duration | undefined, options: CallOptions | undefined) {
  return ttl === undefined ? options : { ...options, ttl }
}
