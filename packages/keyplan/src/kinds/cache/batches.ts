import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import type { Duration } from '../../base/duration.ts'
import { kindOf } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Server } from '../kind.ts'
import type { Answers } from './answers.ts'
import type { Changes } from './changes.ts'
import type { CacheNamespace, Certainty } from './contract.ts'
import type { Entry } from './entry.ts'
import type { Asked } from './fetch.ts'
import type { CacheLoader } from './loader.ts'
import type { Lookup } from './lookup.ts'
import { portionsOf } from './portions.ts'
import type { Refusals } from './refusals.ts'
import type { CacheStore } from './store.ts'

/** What takes many keys at once. */
type Batches = Pick<
  CacheNamespace<ParamValues, unknown, unknown>,
  'getMany' | 'getOrLoadMany' | 'setMany' | 'deleteMany'
>

/** More would not fit on the stack of the script that removes them. */
const mostAtOnce = 1_000

interface BatchParts {
  /** How errors name the namespace. */
  readonly source: string
  readonly lookup: Lookup
  readonly loader: CacheLoader
  readonly steps: Pick<Guarded<CacheStore>, 'remove'>
  readonly lane: Server['lane']
  readonly clock: Clock
  readonly refusals: Refusals
  entry(params: ParamValues): Entry
  readonly answers: Answers
  readonly changes: Changes
}

export function createBatches(parts: BatchParts): Batches {
  const { source, lookup, loader, steps, lane, clock, refusals, entry, answers, changes } = parts
  const { misuse } = refusals
  const isOwed = (key: string) => changes.certainty(key, []) === 'owed'

  function listOf<T>(given: readonly T[], verb: string, remedy: string): readonly T[] {
    if (!Array.isArray(given)) throw misuse(verb, given, remedy)
    return given
  }

  return {
    async getMany(list, options) {
      const questions = listOf(list, 'getMany()', 'an array of params').map(entry)
      const { values, far } = nearFirst(questions)
      if (!far) return values
      for (const { place, opened } of await far(options)) values[place] = answers.freshValue(opened)
      return values
    },

    async getOrLoadMany(list, load, options) {
      const questions = listOf(list, 'getOrLoadMany()', 'an array of params').map(entry)
      if (typeof load !== 'function') throw misuse('getOrLoadMany()', load, 'a function that loads the values of many')
      refusals.checkLoad(
        'getOrLoadMany()',
        options,
        'declare it, or store with setMany(), which takes one for each value',
      )
      const begun = clock.now()
      const { values, far } = nearFirst(questions)
      if (!far) return values
      const asked: (Asked & { readonly place: number })[] = []
      for (const one of await far(options)) {
        if (one.opened.is === 'fresh') values[one.place] = answers.counted(one.opened.value)
        else asked.push(one)
      }
      const missing = createGather<ParamValues, unknown>({
        max: Number.POSITIVE_INFINITY,
        run: async params => loaded(await load(params), params.length),
      })
      const loaderOf = (index: number) => () => missing.add(list[asked[index]!.place]!)
      const loads = await loader.loadTogether(asked, loaderOf, options, begun)
      for (const [index, { place }] of asked.entries()) values[place] = loads[index]
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

    async deleteMany(list, options) {
      const keys = [...new Set(listOf(list, 'deleteMany()', 'an array of params').map(params => entry(params).key))]
      refusals.check(options)
      const remove = () =>
        Promise.all(portionsOf(keys, lane, mostAtOnce).map(portion => steps.remove(options, portion)))
      await changes.make(keys, () => keys.forEach(loader.drop), remove)
      return keys.some(isOwed) ? 'owed' : 'done'
    },
  }

  /** What is at hand, and what looks for the others, if there are any. */
  function nearFirst(questions: readonly Entry[]) {
    const values = new Array<unknown>(questions.length).fill(undefined)
    const others: { place: number; question: Entry }[] = []
    for (const [place, question] of questions.entries()) {
      const copy = answers.nearby(question)
      if (copy) values[place] = copy.value()
      else others.push({ place, question })
    }
    const far = async (options: CallOptions | undefined) => {
      const asked = others.map(({ question }) => question)
      const seen = await lookup.many(asked, options)
      return seen.map(({ found, opened }, index) => {
        const { place, question } = others[index]!
        return { place, question, found, opened: answers.asDue(question, opened) }
      })
    }
    return { values, far: others.length > 0 ? far : undefined }
  }

  function loaded(values: unknown, asked: number): readonly unknown[] {
    const remedy = 'one value for each of the params it is given, in order'
    if (!Array.isArray(values)) {
      const message = `the loader of getOrLoadMany() of '${source}' gave ${kindOf(values)}; give ${remedy}`
      throw refusals.refusal('PARAM_INVALID', message)
    }
    if (values.length === asked) return values
    const message = `the loader of getOrLoadMany() of '${source}' gave ${values.length} values for ${asked}; give ${remedy}`
    throw refusals.refusal('PARAM_INVALID', message)
  }
}

function withTtl(ttl: Duration | undefined, options: CallOptions | undefined) {
  return ttl === undefined ? options : { ...options, ttl }
}
