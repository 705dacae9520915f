import { cache, definePlan, json, lock } from 'keyplan'
import type { ContextGroup } from './context/context-group.ts'
import type { PlatformData } from './platforms/platform-data.ts'
import type { Profile } from './profiles/profile.ts'

/** Every key Kushim has in Redis. Inert: the application, the tools and the tests load this one file. */
export default definePlan('kushim', {
  contextGroup: cache('context_group:<userId>:<recordId>:<depth>', {
    doc: 'A record and what is related to it, up to a depth.',
    ttl: '5m',
    value: json<ContextGroup>(),
    tags: ({ userId }) => [`user:${userId}`],
  }),
  userProfile: cache('user_profile:<userId>', {
    doc: 'The profile of a user.',
    ttl: '10m',
    value: json<Profile>(),
  }),
  platform: cache('platform:<platform>:<userId>:<dataSourceId>', {
    doc: 'What one data source of a user has brought in.',
    ttl: '3m',
    value: json<PlatformData>(),
  }),
  discovery: lock('locks:relationship_discovery:<recordId>', {
    doc: 'Keeps two instances from discovering the relationships of one record at once.',
    ttl: '15s',
    retry: { attempts: 3, delay: '200ms' },
    // The unique constraints of the database are the second line while the lock holds in one process only.
    whenDown: 'local',
  }),
})
