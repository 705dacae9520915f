import { createLedger } from '../../src/kinds/rate-limit/ledger.ts'
import type { RateLimitPolicy } from '../../src/kinds/rate-limit/policy.ts'
import type { Home, Request } from '../../src/kinds/rate-limit/store.ts'

/** A namespace that counts in the given ledger. */
export const homeOf = (ledger = createLedger(), more: Partial<Home> = {}): Home => ({
  name: 'limits',
  whenDown: 'allow',
  ledger,
  instances: () => 1,
  ...more,
})

/** One request for each key. */
export const requests = (
  home: Home,
  policy: RateLimitPolicy,
  keys: readonly string[],
  costs: readonly number[] = [],
  forced = false,
): Request[] =>
  keys.map((key, index) => ({
    key,
    blockKey: policy.block ? `${key}:~block` : undefined,
    policy,
    cost: costs[index] ?? 1,
    home,
    more: undefined,
    forced,
  }))
