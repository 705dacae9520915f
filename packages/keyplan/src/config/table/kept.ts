import type { Setting } from '../setting.ts'

/** What is no client's business: it is kept for the server's own configuration, or a plan declares it. */
export const kept = [
  {
    path: 'redis.max_memory',
    kind: 'size',
    env: { REDIS_MAX_MEMORY: { of: ['universal-ai-tools'] } },
    effect: 'server',
    means: '`maxmemory`',
  },
  {
    path: 'redis.max_clients',
    kind: 'count',
    env: { REDIS_MAX_CLIENTS: { of: ['universal-ai-tools'] } },
    effect: 'server',
    means: '`maxclients`',
  },
  { path: 'redis.bind', kind: 'words', of: ['developer-mesh'], effect: 'server', means: '`bind`' },
  { path: 'redis.protected_mode', kind: 'flag', of: ['developer-mesh'], effect: 'server', means: '`protected-mode`' },
  {
    path: 'redis.rename_commands',
    kind: 'map',
    of: ['developer-mesh'],
    effect: 'server',
    means: 'answered by ACL rules: renamed commands break append-only files and Sentinel',
  },
  {
    path: 'redis.acl',
    kind: 'tree',
    of: ['developer-mesh'],
    effect: 'server',
    means: 'users, their commands and keys',
  },
  {
    path: 'redis.streams',
    kind: 'tree',
    of: ['developer-mesh'],
    effect: 'plan',
    means: 'streams, their groups, lengths and dead letters',
  },
  { path: 'worker', kind: 'tree', of: ['developer-mesh'], effect: 'plan', means: 'consumers of streams' },
  { path: 'cache', kind: 'tree', of: ['developer-mesh'], effect: 'plan', means: 'lifetimes and prefixes of caches' },
  {
    path: 'metrics',
    kind: 'tree',
    of: ['developer-mesh'],
    effect: 'server',
    means: 'names of metrics to watch',
  },
] as const satisfies readonly Setting[]
