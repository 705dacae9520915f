import { checkOptions } from '../../base/call.ts'
import type { Codec, Stored } from '../../base/codec.ts'
import { type KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { DeadLetter, DeadLetters } from './dead-letter.ts'
import type { StoredLetter, StreamSteps } from './store.ts'

interface LettersParts {
  readonly key: string
  readonly group: string
  readonly steps: Guarded<StreamSteps>
  readonly codec: Codec<unknown>
  misuse(message: string): KeyplanError
}

/** Most letters of one step. */
const page = 100
const largestPage = 1_000
const idForm = /^\d+-\d+$/

/** What a group has given up. */
export function openLetters({ key, group, steps, codec, misuse }: LettersParts): DeadLetters<unknown> {
  function checkIds(verb: string, ids: unknown): void {
    if (ids === 'all') return
    const isList = Array.isArray(ids) && ids.every(id => typeof id === 'string' && idForm.test(id))
    if (!isList) throw misuse(`${verb}() was given ${kindOf(ids)}; give it a list of ids of dead letters, or 'all'`)
  }

  /** Those that are there when it begins, in bounded steps: what is sent back may come again. */
  async function each(
    ids: readonly string[] | 'all',
    step: (ids: readonly string[]) => Promise<number>,
    options: object | undefined,
  ): Promise<number> {
    let count = 0
    if (ids !== 'all') {
      for (let at = 0; at < ids.length; at += page) count += await step(ids.slice(at, at + page))
      return count
    }
    const all: string[] = []
    for (let after = '0-0'; ; after = all.at(-1)!) {
      const found = await steps.letters(options, key, group, after, page)
      all.push(...found.map(({ id }) => id))
      if (found.length < page) break
    }
    return all.length === 0 ? 0 : each(all, step, options)
  }

  return {
    async list(options = {}) {
      const { after = '0-0', limit = page, ...terms } = options
      checkOptions(terms)
      if (!idForm.test(after)) throw misuse(`after is ${shown(after)}; give the id of a dead letter`)
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > largestPage) {
        throw misuse(`limit is ${shown(limit)}; give a whole number from 1 to ${largestPage}`)
      }
      return (await steps.letters(terms, key, group, after, limit)).map(letter => readable(letter, codec))
    },
    async redrive(ids, options) {
      checkIds('redrive', ids)
      if (options !== undefined) checkOptions(options)
      return each(ids, part => steps.redrive(options, key, group, part), options)
    },
    async purge(ids, options) {
      checkIds('purge', ids)
      if (options !== undefined) checkOptions(options)
      return each(ids, part => steps.purge(options, key, group, part), options)
    },
  }
}

function readable({ id, entry, value, deliveries, cause }: StoredLetter, codec: Codec<unknown>): DeadLetter<unknown> {
  const at = new Date(Number(id.split('-')[0]))
  return { id, entry, value: value === undefined ? undefined : decoded(value, codec), deliveries, cause, at }
}

/** One that never decoded is in the letters for just that reason. */
function decoded(value: Stored, codec: Codec<unknown>): unknown {
  try {
    return codec.decode(value)
  } catch {
    return undefined
  }
}
