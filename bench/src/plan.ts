import { cache, definePlan, json, lock, rateLimit, stream, text, vector } from 'keyplan'
import { type Item, keyCount } from './dataset.ts'
import { leaseMilliseconds } from './subjects/lock/lease.ts'
import { limit, windowSeconds } from './subjects/rate-limit/window.ts'
import { batch, type Entry, mostEntries } from './subjects/stream/entry.ts'

/** The keys that Keyplan is measured with. Each namespace has the database to itself. */
/** For each kind of value. */
export const valuePlans = {
  '100 B JSON': definePlan('bench', { items: cache('<key>', { ttl: '1h', value: json<unknown>() }) }),
  '10 kB JSON': definePlan('bench', { items: cache('<key>', { ttl: '1h', value: json<unknown>() }) }),
  'short text': definePlan('bench', { items: cache('<key>', { ttl: '1h', value: text() }) }),
  embedding: definePlan('bench', { items: cache('<key>', { ttl: '1h', value: vector() }) }),
}

export const nearPlan = definePlan('bench', {
  items: cache('<key>', { ttl: '1h', value: json<unknown>(), near: { max: 2 * keyCount, ttl: '1h' } }),
})

export const limitPlan = definePlan('bench', {
  limits: rateLimit('<key>', { algorithm: 'fixed-window', limit, window: `${windowSeconds}s` }),
})

export const lockPlan = definePlan('bench', {
  locks: lock('<key>', { ttl: `${leaseMilliseconds}ms` }),
})

export const streamPlan = definePlan('bench', {
  entries: stream('entries', {
    value: json<Entry>(),
    keep: { entries: mostEntries },
    batch,
    groups: { workers: { start: '$' } },
  }),
})

export const heapPlan = definePlan('bench', {
  items: cache('item:<key>', { ttl: '1h', value: json<Item>() }),
  limits: rateLimit('limit:<key>', { algorithm: 'fixed-window', limit, window: `${windowSeconds}s` }),
})
