import {
  type Codec,
  cache,
  channel,
  definePlan,
  feed,
  json,
  lock,
  once,
  type RateLimitDeclaration,
  rateLimit,
  registry,
  semaphore,
  session,
  stream,
  text,
  vector,
} from 'keyplan'
import { type Item, keyCount } from './dataset.ts'
import { type Entry as FeedEntry, keep, ttlMs } from './subjects/feed/entry.ts'
import { leaseMilliseconds } from './subjects/lock/lease.ts'
import { rememberMilliseconds } from './subjects/once/receipt.ts'
import { blockedLimit, limit, ownLimit, ownWindow, windowSeconds } from './subjects/rate-limit/window.ts'
import { type AgentCard, leaseSeconds } from './subjects/registry/agents.ts'
import { permits } from './subjects/semaphore/permits.ts'
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

/** What the copies of `copiesPlan` may take. */
export const copiesBytes = 64 * 2 ** 20

export const copiesPlan = <T>(value: Codec<T>, values: 'frozen' | 'copies') =>
  definePlan('bench', {
    items: cache('<key>', {
      ttl: '1h',
      value,
      near: { max: 10_000_000, maxBytes: `${copiesBytes}b`, ttl: '1h', values },
    }),
  })

export const followPlan = definePlan('bench', {
  items: cache('<key>', { ttl: '1h', value: json<{ number: number; at: string }>(), near: true }),
})

export const limitPlan = definePlan('bench', {
  limits: rateLimit('<key>', { algorithm: 'fixed-window', limit, window: `${windowSeconds}s` }),
})

const own = { limit: ownLimit, window: ownWindow } as const
const limited = (declaration: RateLimitDeclaration<'<key>', never>) => definePlan('bench', { limits: declaration })

/** For each algorithm but the one above. */
export const algorithmPlans = {
  'consume sliding window': limited(rateLimit('<key>', { ...own, algorithm: 'sliding-window' })),
  'consume token bucket': limited(rateLimit('<key>', { ...own, algorithm: 'token-bucket' })),
  'consume gcra': limited(rateLimit('<key>', { ...own, algorithm: 'gcra' })),
  'consume sliding log': limited(rateLimit('<key>', { ...own, algorithm: 'sliding-log' })),
  'consume two limits': limited(rateLimit('<key>', { limits: [own, { ...own, window: '2h' }] })),
  'consume blocked key': limited(rateLimit('<key>', { ...own, limit: blockedLimit, near: '1h' })),
}

export const lockPlan = definePlan('bench', {
  locks: lock('<key>', { ttl: `${leaseMilliseconds}ms` }),
})

export const semaphorePlan = definePlan('bench', {
  semaphores: semaphore('<key>', { permits, ttl: `${leaseMilliseconds}ms` }),
})

export const sessionPlan = definePlan('bench', {
  sessions: session('session:<id>', { ttl: '1h', value: json<Item>() }),
})

export const oncePlan = definePlan('bench', {
  operations: once('<key>', { ttl: `${rememberMilliseconds}ms`, onCrash: 'rerun', value: json<Item>() }),
})

export const channelPlan = definePlan('bench', {
  events: channel('events:<topic>', { value: json<{ i: number; item: Item }>() }),
})

export const feedPlan = definePlan('bench', {
  entries: feed('entries:<id>', { value: json<FeedEntry>(), keep, ttl: `${ttlMs}ms` }),
})

export const streamPlan = definePlan('bench', {
  entries: stream('entries', {
    value: json<Entry>(),
    keep: { entries: mostEntries },
    batch,
    groups: { workers: { start: '$' } },
  }),
})

export const registryPlan = definePlan('bench', {
  agents: registry('agents:<id>', { lease: `${leaseSeconds}s`, metadata: json<AgentCard>() }),
})

export const heapPlan = definePlan('bench', {
  items: cache('item:<key>', { ttl: '1h', value: json<Item>() }),
  limits: rateLimit('limit:<key>', { algorithm: 'fixed-window', limit, window: `${windowSeconds}s` }),
})
