import { cache, definePlan, json, lock, rateLimit } from 'keyplan'
import type { Item } from './dataset.ts'
import { leaseMilliseconds } from './subjects/lock/lease.ts'
import { limit, windowSeconds } from './subjects/rate-limit/window.ts'

/** The keys that Keyplan is measured with. Each namespace has the database to itself. */
export const itemPlan = definePlan('bench', {
  items: cache('<key>', { ttl: '1h', value: json<Item>() }),
})

export const limitPlan = definePlan('bench', {
  limits: rateLimit('<key>', { algorithm: 'fixed-window', limit, window: `${windowSeconds}s` }),
})

export const lockPlan = definePlan('bench', {
  locks: lock('<key>', { ttl: `${leaseMilliseconds}ms` }),
})

export const heapPlan = definePlan('bench', {
  items: cache('item:<key>', { ttl: '1h', value: json<Item>() }),
  limits: rateLimit('limit:<key>', { algorithm: 'fixed-window', limit, window: `${windowSeconds}s` }),
})
