import { type CallOptions, checkOptions } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { CacheNamespace } from './contract.ts'
import type { CacheStore, Cursor } from './store.ts'

interface ListingParts {
  readonly pattern: Pattern
  readonly steps: Pick<Guarded<CacheStore>, 'list'>
  /** Whether the removal of the key is owed. */
  owes(key: string): boolean
}

type Listing = Pick<CacheNamespace<ParamValues, unknown, unknown>, 'keys'>

/** What tells which values there are. */
export function createListing({ pattern, steps, owes }: ListingParts): Listing {
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
      if (options !== undefined) checkOptions(options)
      if (isHashed) {
        const message = `keys() of '${pattern.source}' cannot tell params that are hashed`
        throw new KeyplanError('UNSUPPORTED', message, { outcome: 'not-executed' })
      }
      return walk(options)
    },
  }
}
