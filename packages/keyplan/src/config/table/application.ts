import type { Setting } from '../setting.ts'

/** How the client starts, and what it may be asked to leave out. */
export const application = [
  {
    path: 'prefix',
    kind: 'text',
    option: 'prefix',
    env: { REDIS_KEY_PREFIX: { of: ['awareness-network'] } },
    means: "stands before every pattern, in place of the plan's own prefix",
  },
  {
    path: 'start',
    kind: 'choice',
    choices: ['optional', 'required'],
    option: 'start',
    default: 'optional',
    means: '`required`: connecting fails when no server is configured, or Redis is not there within `timeouts.connect`',
  },
  {
    path: 'memory',
    kind: 'flag',
    option: 'memory',
    means: '`true` runs in this process alone; in production that has to be written',
  },
  {
    path: 'features.cache',
    kind: 'flag',
    option: 'features.cache',
    env: { REDIS_CACHE_ENABLED: { of: ['higherself'] } },
    default: 'true',
    means: '`false`: caches call their loader',
  },
  {
    path: 'features.rate_limit',
    kind: 'flag',
    option: 'features.rateLimit',
    env: { REDIS_RATE_LIMITING_ENABLED: { of: ['higherself'] } },
    default: 'true',
    means: '`false`: limits allow, and mark what they allowed',
  },
  {
    path: 'features.channel',
    kind: 'flag',
    option: 'features.channel',
    env: { REDIS_PUBSUB_ENABLED: { of: ['higherself'] } },
    default: 'true',
    means: '`false`: messages are dropped, and counted',
  },
  {
    path: 'features.session',
    kind: 'flag',
    option: 'features.session',
    env: { REDIS_SESSION_STORE_ENABLED: { of: ['higherself'] } },
    default: 'true',
    means: '`false`: sessions refuse with a typed error',
  },
] as const satisfies readonly Setting[]
