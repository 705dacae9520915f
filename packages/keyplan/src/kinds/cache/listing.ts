import type { CallOptions } from '../../base/call.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { CacheNamespace } from './contract.ts'
import type { Refusals } from './refusals.ts'
import type { CacheStore, Cursor } from './store.ts'

interface ListingParts {
  readonly pattern: Pattern
  readonly steps: Pick<Guarded<CacheStore>, 'list'>
  readonly refusals: Refusals
  /** Whether the removal of the key is owed. */
  owes(key: string): boolean
}

type Listing = Pick<CacheNamespace<ParamValues, unknown, unknown>, 'keys'>

/** What tells which values there are. */
export function createListing({ pattern, steps, refusals, owes }: ListingParts): Listing {
  const isHashed = pattern.parts.some(part => 'param' in part && part.hashed)

  async function* walk(options: CallOptions | undefined) {
    let at: Cursor = { cursor: '0' }
    do {
      const page = await steps.list(options, at)
      for (const key of page.keys) {
        const params = owes(key) ? undefined : pattern.match(key)
        if (params) yield params
      }
      at = page
    } while (at.cursor !== '0')
  }

  return {
    keys(options) {
      refusals.check(options)
      if (isHashed) {
        throw refusals.refusal('UNSUPPORTED', `keys() of '${pattern.source}' cannot tell params that are hashed`)
      }
      return walk(options)
    },
  }
}
