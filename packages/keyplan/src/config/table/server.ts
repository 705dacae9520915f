import type { Setting } from '../setting.ts'

/** Where the server is, and how to be let in. */
export const server = [
  {
    path: 'redis.url',
    kind: 'url',
    option: 'url',
    env: {
      REDIS_URL: { of: ['awareness-network', 'kushim', 'universal-ai-tools'] },
      REDIS_URI: { of: ['higherself'] },
    },
    means:
      '`redis://user:password@host:6379/0`, `rediss://` for TLS, `unix:///path?db=0`; several hosts with `?sentinelMasterId=` are Sentinels',
  },
  {
    path: 'redis.address',
    kind: 'server',
    env: { REDIS_ADDR: { of: ['developer-mesh'] } },
    of: ['developer-mesh'],
    means: '`host:port`, `[::1]:port` or the path of a socket; used where there is no URL',
  },
  {
    path: 'redis.host',
    kind: 'text',
    env: { REDIS_HOST: { of: ['developer-mesh', 'higherself', 'universal-ai-tools'] } },
    means: 'used where there is neither URL nor address',
  },
  {
    path: 'redis.port',
    kind: 'port',
    env: { REDIS_PORT: { of: ['developer-mesh', 'higherself', 'universal-ai-tools'] } },
    default: '6379',
    means: 'of `host`; alone it is a port of this machine',
  },
  {
    path: 'redis.username',
    kind: 'text',
    env: { REDIS_USERNAME: { of: ['higherself'] } },
    means: 'the ACL user; used where the URL names none',
  },
  {
    path: 'redis.password_file',
    kind: 'file',
    env: { REDIS_PASSWORD_FILE: { of: ['keyplan'] } },
    means:
      'a file with the password, read anew for each connection so that it can be rotated; used where the URL has none',
  },
  {
    path: 'redis.password',
    kind: 'secret',
    option: 'password',
    env: { REDIS_PASSWORD: { of: ['awareness-network', 'developer-mesh', 'higherself', 'universal-ai-tools'] } },
    of: ['developer-mesh'],
    means:
      "may hold any character; used where neither the URL nor a file gives one (an option of `connect` wins over its URL's)",
  },
  {
    path: 'redis.db',
    kind: 'database',
    env: {
      REDIS_DB: { of: ['developer-mesh', 'universal-ai-tools'] },
      REDIS_DATABASE: { of: ['higherself'] },
    },
    of: ['developer-mesh'],
    default: '0',
    means: 'the logical database; used where the URL names none, and only 0 with Cluster',
  },
  {
    path: 'redis.enabled',
    kind: 'flag',
    env: { ENABLE_REDIS: { of: ['higherself'] } },
    default: 'true',
    means: '`false` runs in this process alone, without Redis',
  },
  {
    path: 'redis.replicas.enabled',
    kind: 'flag',
    env: { REDIS_READ_REPLICAS: { of: ['universal-ai-tools'] } },
    means: '`false` reads all from masters, whatever a namespace allows',
  },
  {
    path: 'redis.replicas.addresses',
    kind: 'servers',
    option: 'replicas',
    env: { REDIS_READ_REPLICA_URLS: { of: ['universal-ai-tools'] } },
    means:
      'read replicas of a standalone server, for namespaces that allow them; they share its user, password and TLS',
  },
  {
    path: 'redis.read_from',
    kind: 'choice',
    choices: ['master', 'nearest', 'any'],
    option: 'readFrom',
    means:
      'where namespaces that allow replicas are read; where unsaid `any`, and `master` where replicas are switched off',
  },
] as const satisfies readonly Setting[]
