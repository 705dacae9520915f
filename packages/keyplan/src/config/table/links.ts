import type { Setting } from '../setting.ts'

/** How many connections, and what they carry. */
export const links = [
  {
    path: 'redis.pool.links',
    kind: 'count',
    option: 'pool',
    means:
      'command links for each node; where unsaid, `pool.size` up to 4, or 1: a link carries all calls in flight at once',
  },
  {
    path: 'redis.pool.size',
    kind: 'count',
    env: {
      REDIS_POOL_SIZE: { of: ['developer-mesh', 'universal-ai-tools'] },
      REDIS_MAX_CONNECTIONS: { of: ['higherself'] },
    },
    of: ['developer-mesh'],
    means: 'the most connections this process may hold to a node',
  },
  {
    path: 'redis.pool.min_idle',
    kind: 'amount',
    env: { REDIS_MIN_IDLE_CONNS: { of: ['developer-mesh'] } },
    of: ['developer-mesh'],
    effect: 'none',
    means: 'links are opened at the start and kept, so none has to be kept idle',
  },
  {
    path: 'redis.pool.max_conn_age',
    kind: 'duration',
    of: ['developer-mesh'],
    effect: 'none',
    means: 'links do not age: a dead one is found by its ping, a rotated password is used by the next',
  },
  {
    path: 'redis.pipeline.max_commands',
    kind: 'count',
    option: 'pipeline.maxCommands',
    of: ['developer-mesh'],
    default: '100',
    means: 'most commands of one flush',
  },
  {
    path: 'redis.pipeline.enabled',
    kind: 'flag',
    of: ['developer-mesh'],
    effect: 'none',
    means: 'what is written in one tick always leaves together',
  },
  {
    path: 'redis.pipeline.flush_interval',
    kind: 'duration',
    of: ['developer-mesh'],
    effect: 'none',
    means: 'a flush is at the end of the tick: waiting longer would only add to every call',
  },
  {
    path: 'redis.waiting.calls',
    kind: 'amount',
    option: 'waiting.calls',
    default: '1000',
    means: 'most calls that wait for a link that is down; 0: none, each is refused at once',
  },
  {
    path: 'redis.waiting.bytes',
    kind: 'size',
    option: 'waiting.bytes',
    default: '16mb',
    means: 'most bytes of the calls that wait',
  },
  {
    path: 'redis.waiting.in_flight',
    kind: 'count',
    option: 'inFlight',
    default: '10000',
    means: 'most commands without an answer, for each server; those beyond wait like those for a link that is down',
  },
  {
    path: 'redis.offline_queue',
    kind: 'flag',
    env: { REDIS_ENABLE_OFFLINE_QUEUE: { of: ['universal-ai-tools'] } },
    default: 'true',
    means: '`false` is `waiting.calls: 0`',
  },
  {
    path: 'redis.autoresync',
    kind: 'flag',
    env: { REDIS_ENABLE_AUTORESYNC: { of: ['universal-ai-tools'] } },
    effect: 'none',
    means: 'subscriptions are always made again on a new link, and writes are never sent twice',
  },
] as const satisfies readonly Setting[]
