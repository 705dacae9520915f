import { cache, definePlan, type Json, json, lock } from '../../src/index.ts'

/** The locks that the documents name, each under the name of its system, and what one of them guards. */
export default definePlan('locks', {
  awareness: lock('awareness:lock:<resource...>', {
    doc: 'Awareness Network: concurrency control of a resource; `resource` may have colons of its own.',
    ttl: '30s',
  }),
  kushim: lock('locks:relationship_discovery:<recordId>', {
    doc: 'Kushim: one instance at a time discovers the relationships of a record.',
    // Longer than its longest transaction.
    ttl: '15s',
    retry: { attempts: 3, delay: '200ms' },
  }),
  links: cache('links:<recordId>', {
    doc: 'What the discovery found, written under its fence.',
    ttl: '5m',
    value: json<Json>(),
  }),
})
