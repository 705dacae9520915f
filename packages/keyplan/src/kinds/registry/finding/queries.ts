import { type CallOptions, checkOptions } from '../../../base/call.ts'
import type { Guarded } from '../../../guard/guarded.ts'
import type { Registry, RegistryMember } from '../contract.ts'
import { idOf } from '../record.ts'
import type { RegistrySettings } from '../settings.ts'
import type { Found, Place, RegistryStore, Unknown } from '../store.ts'
import { queryTerms } from '../terms.ts'
import { checkFind, checkPick } from './find-options.ts'

interface QueryParts {
  readonly index: RegistrySettings['index']
  readonly steps: Guarded<RegistryStore>
  /** Undefined for one that does not decode. */
  member(found: Found): RegistryMember | undefined
}

/** What is asked of one registry. */
export type Queries = Pick<Registry<unknown, string, Unknown>, 'find' | 'list' | 'pick' | 'count'>

const defaultLimit = 100
const longestPage = 500

export function openQueries(place: Place, { index, steps, member }: QueryParts): Queries {
  const members = (found: readonly Found[]) => found.flatMap(each => member(each) ?? [])

  async function list(terms: readonly string[], options: CallOptions): Promise<RegistryMember[] | Unknown> {
    const all: RegistryMember[] = []
    let after: string | undefined
    for (;;) {
      const page = await steps.find(options, place, { terms, order: 'id', limit: longestPage, after })
      if (page === 'unknown') return page
      all.push(...members(page))
      if (page.length < longestPage) return all
      after = idOf(page.at(-1)!)
    }
  }

  return {
    async find(query, options = {}) {
      const { limit = defaultLimit, after, order = 'id', ...call } = checkFind(options)
      const found = await steps.find(call, place, { terms: queryTerms(query, index), order, limit, after })
      return found === 'unknown' ? found : members(found)
    },
    async list(query, options = {}) {
      checkOptions(options)
      return list(queryTerms(query, index), options)
    },
    async pick(query, options = {}) {
      const { by = 'turn', ...call } = checkPick(options)
      const order = by === 'load' ? 'load' : 'id'
      const found = await steps.pick(call, place, { terms: queryTerms(query, index), order })
      return found === 'unknown' ? found : found && member(found)
    },
    async count(query, options = {}) {
      checkOptions(options)
      return steps.count(options, place, queryTerms(query, index))
    },
  }
}
