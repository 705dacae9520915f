import { cache, definePlan, type Json, json } from '../../src/index.ts'

/** What the Awareness Network caches, under the prefix that keeps it apart from others on the same server. */
export default definePlan(
  'awareness-network',
  {
    cache: cache('cache:<key...>', {
      doc: 'API responses and query results; `key` is whatever names one, with colons of its own.',
      ttl: '1h',
      value: json<Json>(),
      // Above 90 % is healthy, below 80 % an alert.
      minHitRatio: 0.8,
    }),
  },
  { prefix: 'awareness:' },
)
