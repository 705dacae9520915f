import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority } from '@keyplan/local'
import { describe, expect, test } from 'vitest'
import type { KeyplanError } from '../../src/base/error.ts'
import { type Configuration, type ConfigurationSource, loadConfiguration } from '../../src/config/file/configuration.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { withFolder } from './folder.ts'

/** The blocks of the five requirement documents, as they stand there. */
const documents = join(import.meta.dirname, 'documents')

/** A block of variables, with what the process itself has. */
function variables(document: string, block: string, env: NodeJS.ProcessEnv = {}): Promise<Configuration> {
  return loadConfiguration({ folder: join(documents, document), envFile: `${block}.env`, file: false, env })
}

/** A block of a configuration file. */
function file(
  document: string,
  block: string,
  env: NodeJS.ProcessEnv = {},
  source: ConfigurationSource = {},
): Promise<Configuration> {
  return loadConfiguration({ folder: join(documents, document), file: `${block}.yaml`, env, ...source })
}

async function problemsOf(loading: Promise<Configuration>): Promise<readonly string[]> {
  return loading.then(
    () => [],
    (error: KeyplanError) => error.problems,
  )
}

const passwordOf = ({ settings }: Configuration) => settings.target?.access.password?.()
const noted = ({ settings }: Configuration) =>
  settings.explained.filter(({ note, source }) => note && source !== 'default').map(({ setting }) => setting)

describe('kushim', () => {
  test('local, with a password, remote', async () => {
    const local = await variables('kushim', 'local')
    expect(local.settings.target).toMatchObject({
      topology: 'standalone',
      addresses: [{ host: 'localhost', port: 6379 }],
      access: { username: undefined, password: undefined, tls: undefined },
      database: 0,
    })
    expect(local.warnings).toEqual([])
    expect(await passwordOf(await variables('kushim', 'password'))).toBe('your_password')
    const remote = await variables('kushim', 'remote')
    expect(remote.settings.target).toMatchObject({
      addresses: [{ host: 'redis.example.com', port: 6379 }],
      access: { username: 'user' },
      database: 0,
    })
    expect(await passwordOf(remote)).toBe('password')
  })

  test('its URL of three Sentinels', async () => {
    const { settings, warnings } = await variables('kushim', 'sentinel')
    expect(settings.target).toMatchObject({
      topology: 'sentinel',
      addresses: ['sentinel1', 'sentinel2', 'sentinel3'].map(host => ({ host, port: 26379 })),
      sentinel: { master: 'mymaster' },
    })
    expect(warnings).toEqual([])
  })

  test('runs without Redis where nothing is set', async () => {
    expect((await loadConfiguration({ folder: join(documents, 'kushim'), env: {} })).settings.target).toBe(undefined)
  })
})

describe('universal-ai-tools', () => {
  test('development', async () => {
    const configuration = await variables('universal-ai-tools', 'development')
    const { settings, warnings } = configuration
    expect(settings).toMatchObject({
      target: { addresses: [{ host: 'localhost', port: 6379 }], database: 0, pool: 4, maxConnections: 5 },
      connectTimeout: 5_000,
      deadline: 5_000,
      waiting: { calls: 1_000 },
    })
    expect(noted(configuration)).toEqual(['redis.autoresync'])
    expect(warnings).toEqual([])
  })

  test('production', async () => {
    const env = { KEYPLAN_ENV: 'production' }
    const configuration = await variables('universal-ai-tools', 'production', env)
    expect(configuration.settings.target).toMatchObject({
      topology: 'standalone',
      addresses: [{ host: 'localhost', port: 6379 }],
      replicas: [],
      readFrom: 'master',
      maxConnections: 10,
    })
    expect(await passwordOf(configuration)).toBe('your-secure-password-here')
    expect(configuration.serverConfiguration).toMatchObject({ maxMemory: 2 * 1024 ** 3, maxClients: 10_000 })
    expect(configuration.warnings).toEqual([])
  })

  test('production with the password that the document generates, 3 of 4 of which hold / or +', async () => {
    for (const REDIS_PASSWORD of ['q/8+Zt//2w==', 'p@:/#%?é', 'a%41b']) {
      const configuration = await variables('universal-ai-tools', 'production', { REDIS_PASSWORD })
      expect(await passwordOf(configuration)).toBe(REDIS_PASSWORD)
      expect(configuration.warnings).toEqual([])
    }
  })

  test('production with its optional parts switched on', async () => {
    const env = { REDIS_READ_REPLICAS: 'true', REDIS_READ_REPLICA_URLS: 'redis://replica1:6379,redis://replica2:6379' }
    const { settings } = await variables('universal-ai-tools', 'production', env)
    expect(settings.target).toMatchObject({
      replicas: [
        { host: 'replica1', port: 6379 },
        { host: 'replica2', port: 6379 },
      ],
      readFrom: 'any',
    })
    const nodes = { REDIS_CLUSTER_MODE: 'true', REDIS_CLUSTER_NODES: 'node1:6379,node2:6379' }
    const cluster = await variables('universal-ai-tools', 'production', nodes)
    expect(cluster.settings.target).toMatchObject({
      topology: 'cluster',
      addresses: [
        { host: 'node1', port: 6379 },
        { host: 'node2', port: 6379 },
      ],
    })
    expect(cluster.warnings).toEqual(['REDIS_URL (production.env) is not used: REDIS_CLUSTER_MODE takes its place'])
    expect(await passwordOf(cluster)).toBe('your-secure-password-here')
  })
})

describe('higherself', () => {
  test('basic connection', async () => {
    const configuration = await variables('higherself', 'connection')
    expect(configuration.settings.target).toMatchObject({
      addresses: [{ host: 'localhost', port: 6379 }],
      access: { username: 'default', tls: undefined },
      database: 0,
    })
    expect(await passwordOf(configuration)).toBe('your_password_here')
    expect(configuration.warnings).toEqual([])
  })

  test('connection pool: a bare number is of seconds, and the health interval is no ping', async () => {
    const { settings, warnings } = await variables('higherself', 'pool', { REDIS_URI: 'redis://localhost' })
    expect(settings).toMatchObject({
      target: { pool: 4, maxConnections: 10 },
      deadline: 5_000,
      connectTimeout: 5_000,
      healthInterval: 30_000,
      pingEvery: 3_000,
    })
    expect(warnings).toEqual([])
  })

  test('security: off as it stands there; switched on, its files are read', async () => {
    const off = await variables('higherself', 'security', { REDIS_URI: 'redis://localhost' })
    expect(off.settings.target?.access.tls).toBe(undefined)
    expect(off.warnings).toEqual([])
    const on = variables('higherself', 'security', { REDIS_URI: 'rediss://localhost', REDIS_SSL: 'true' })
    expect(await problemsOf(on)).toEqual(
      ['REDIS_SSL_CA_CERTS', 'REDIS_SSL_CERTFILE', 'REDIS_SSL_KEYFILE'].map(
        name => `${name} (security.env) names a file that cannot be read: it is not there`,
      ),
    )
  })

  test('feature flags, each switched off', async () => {
    const flags = {
      REDIS_CACHE_ENABLED: 'cache',
      REDIS_PUBSUB_ENABLED: 'channel',
      REDIS_SESSION_STORE_ENABLED: 'session',
      REDIS_RATE_LIMITING_ENABLED: 'rateLimit',
    }
    const on = { cache: true, rateLimit: true, channel: true, session: true }
    const env = { REDIS_URI: 'redis://localhost' }
    const { settings } = await variables('higherself', 'features', env)
    expect(settings.features).toEqual(on)
    expect(settings.target).toBeDefined()
    for (const [variable, feature] of Object.entries(flags)) {
      const off = await variables('higherself', 'features', { ...env, [variable]: 'false' })
      expect(off.settings.features).toEqual({ ...on, [feature]: false })
    }
    const none = await variables('higherself', 'features', { ...env, ENABLE_REDIS: 'false' })
    expect(none.settings.target).toBe(undefined)
  })

  test('development', async () => {
    const { settings, warnings } = await variables('higherself', 'development')
    expect(settings.target).toMatchObject({
      addresses: [{ host: 'localhost', port: 6379 }],
      access: { password: undefined, tls: undefined },
      maxConnections: 5,
    })
    expect(warnings).toEqual([])
  })

  test('staging: a plain URL with REDIS_SSL=true means TLS', async () => {
    const configuration = await variables('higherself', 'staging')
    expect(configuration.settings.target).toMatchObject({
      addresses: [{ host: 'staging-redis.example.com', port: 6379 }],
      access: { username: 'default', tls: { minVersion: 'TLSv1.2' } },
      maxConnections: 10,
    })
    expect(await passwordOf(configuration)).toBe('staging_pass')
    expect(configuration.warnings).toEqual([
      'REDIS_URI (staging.env) is no rediss:// URL, but REDIS_SSL (staging.env) asks for TLS: TLS is used',
    ])
  })

  test('production', async () => {
    const configuration = await variables('higherself', 'production', { NODE_ENV: 'production' })
    expect(configuration.settings).toMatchObject({
      environment: 'production',
      target: {
        addresses: [{ host: 'prod-redis.example.com', port: 6380 }],
        access: { username: 'default', tls: { minVersion: 'TLSv1.2' } },
        maxConnections: 20,
      },
      deadline: 10_000,
    })
    expect(await passwordOf(configuration)).toBe('prod_pass')
    expect(configuration.warnings).toEqual([])
  })
})

describe('awareness-network', () => {
  /** Its blocks are calls of a client: these are their values. */
  const options = {
    connectTimeout: '10s',
    deadline: '5s',
    retry: { attempts: 3 },
    backoff: { min: '50ms', max: '2s' },
  } satisfies ConnectOptions

  test('application configuration', async () => {
    const env = { REDIS_URL: 'redis://:your_redis_password_here@localhost:6379', REDIS_KEY_PREFIX: 'awareness:' }
    const settings = resolveSettings({ ...options, url: env.REDIS_URL }, env)
    expect(settings).toMatchObject({
      connectTimeout: 10_000,
      deadline: 5_000,
      retry: { attempts: 3 },
      backoff: { min: 50, max: 2_000 },
      prefix: 'awareness:',
      target: { addresses: [{ host: 'localhost', port: 6379 }] },
      warnings: [],
    })
    expect(await settings.target?.access.password?.()).toBe('your_redis_password_here')
  })

  test('Sentinel configuration', async () => {
    const env = { REDIS_PASSWORD: 'of the servers', REDIS_SENTINEL_PASSWORD: 'of the Sentinels' }
    const addresses = [1, 2, 3].map(number => `sentinel-${number}.internal:26379`)
    const { target, warnings } = resolveSettings(
      {
        ...options,
        sentinel: { master: 'awareness-master', addresses, password: env.REDIS_SENTINEL_PASSWORD },
        password: env.REDIS_PASSWORD,
        prefix: 'awareness:',
      },
      env,
    )
    expect(target).toMatchObject({
      topology: 'sentinel',
      addresses: [1, 2, 3].map(number => ({ host: `sentinel-${number}.internal`, port: 26379 })),
      sentinel: { master: 'awareness-master' },
    })
    expect(await target?.access.password?.()).toBe('of the servers')
    expect(await target?.sentinel?.access.password?.()).toBe('of the Sentinels')
    expect(warnings).toEqual([])
  })
})

describe('developer-mesh', () => {
  const server = { REDIS_ADDR: 'localhost:6379' }

  test('environment variables, with their comments', async () => {
    const configuration = await variables('developer-mesh', 'connection')
    expect(configuration.settings).toMatchObject({
      target: { addresses: [{ host: 'localhost', port: 6379 }], database: 0, pool: 4, maxConnections: 50 },
      retry: { attempts: 3 },
    })
    expect(await passwordOf(configuration)).toBe('your_password')
    expect(noted(configuration)).toEqual(['redis.pool.min_idle'])
    expect(configuration.warnings).toEqual([])
  })

  test('variables for TLS', async () => {
    expect(await problemsOf(variables('developer-mesh', 'tls', server))).toEqual(
      ['CA', 'CERT', 'KEY'].map(
        name => `REDIS_TLS_${name}_FILE (tls.env) names a file that cannot be read: it is not there`,
      ),
    )
  })

  test('configuration file', async () => {
    const bare = await file('developer-mesh', 'connection')
    expect(bare.settings).toMatchObject({
      target: { addresses: [{ host: 'localhost', port: 6379 }], database: 0, access: { password: undefined } },
      connectTimeout: 5_000,
      deadline: 3_000,
      retry: { attempts: 3, delay: 100 },
    })
    expect(bare.warnings).toEqual([])
    expect(noted(bare)).toEqual(['redis.pool.min_idle', 'redis.timeouts.idle'])
    const env = { REDIS_ADDR: 'there:7000', REDIS_PASSWORD: 'p@:/#%?é', REDIS_DB: '3' }
    const filled = await file('developer-mesh', 'connection', env)
    expect(filled.settings.target).toMatchObject({ addresses: [{ host: 'there', port: 7000 }], database: 3 })
    expect(await passwordOf(filled)).toBe('p@:/#%?é')
  })

  test('Sentinel', async () => {
    const configuration = await file('developer-mesh', 'sentinel', { SENTINEL_PASSWORD: 'watch' })
    const { target } = configuration.settings
    expect(target).toMatchObject({
      topology: 'sentinel',
      addresses: [1, 2, 3].map(number => ({ host: `sentinel${number}`, port: 26379 })),
      sentinel: { master: 'webhook-master', connectTimeout: 5_000 },
    })
    expect(await target?.sentinel?.access.password?.()).toBe('watch')
    expect(target?.access.password).toBe(undefined)
    expect(configuration.serverConfiguration.failoverTimeout).toBe(60_000)
    expect(configuration.warnings).toEqual([])
  })

  test('Sentinel takes the place of the address and of REDIS_URL', async () => {
    const { settings, warnings } = await file('developer-mesh', 'sentinel', { REDIS_URL: 'redis://:pw@else/3' })
    expect(settings.target).toMatchObject({ topology: 'sentinel', database: 0, access: { password: undefined } })
    expect(warnings).toEqual(['REDIS_URL is not used: sentinel.yaml: redis.sentinel.enabled takes its place'])
  })

  test('Cluster', async () => {
    const { settings, warnings } = await file('developer-mesh', 'cluster')
    expect(settings.target).toMatchObject({
      topology: 'cluster',
      addresses: [1, 2, 3, 4, 5, 6].map(number => ({ host: `redis-node${number}`, port: 6379 })),
      maxRedirects: 3,
      readFrom: 'nearest',
    })
    expect(warnings).toEqual([
      expect.stringMatching(/route_by_latency reads replicas although .*read_only says not to/),
    ])
    expect(await problemsOf(file('developer-mesh', 'cluster', { REDIS_DB: '1' }))).toEqual([
      'REDIS_DB asks for a database other than 0, and a Cluster has no other',
    ])
  })

  test('TLS', async () => {
    expect(await problemsOf(file('developer-mesh', 'tls', server))).toEqual(
      ['ca', 'cert', 'key'].map(
        name => `tls.yaml: redis.tls.${name}_file names a file that cannot be read: it is not there`,
      ),
    )
    await using folder = await withFolder({})
    const authority = await createAuthority(folder.folder)
    const own = await authority.issue({ names: ['client'] })
    const block = readFileSync(join(documents, 'developer-mesh/tls.yaml'), 'utf8')
      .replace('/path/to/client.crt', own.certificateFile)
      .replace('/path/to/client.key', own.keyFile)
      .replace('/path/to/ca.crt', authority.file)
    await using filled = await withFolder({ 'tls.yaml': block })
    const { settings, warnings } = await loadConfiguration({ folder: filled.folder, file: 'tls.yaml', env: server })
    const { tls } = settings.target?.access ?? {}
    expect(tls).toEqual(
      expect.objectContaining({
        ca: authority.certificate,
        cert: own.certificate,
        key: own.key,
        servername: 'redis.example.com',
        minVersion: 'TLSv1.2',
      }),
    )
    expect(tls).not.toHaveProperty('rejectUnauthorized')
    expect(warnings).toEqual([])
  })

  test('pipeline, pool and circuit breaker', async () => {
    const configuration = await file('developer-mesh', 'performance', server)
    expect(configuration.settings).toMatchObject({
      flush: 100,
      breaker: { failures: 5, successes: 2, probeEvery: 30_000 },
      target: { pool: 4, maxConnections: 50 },
    })
    expect(noted(configuration)).toEqual([
      'redis.pool.min_idle',
      'redis.pool.max_conn_age',
      'redis.pipeline.enabled',
      'redis.pipeline.flush_interval',
    ])
    expect(configuration.warnings).toEqual([])
  })

  test('users, kept for the server', async () => {
    const env = { ...server, REDIS_PASSWORD: 'p', APP_PASSWORD: 'app', READONLY_PASSWORD: 'reader' }
    const { serverConfiguration } = await file('developer-mesh', 'authentication', env)
    expect(serverConfiguration.acl).toMatchObject({
      enabled: true,
      users: [
        { name: 'app_user', commands: ['+@all', '-flushdb', '-flushall', '-config'], keys: ['*'] },
        { name: 'readonly_user', commands: ['+@read'], keys: ['*'] },
      ],
    })
    expect(serverConfiguration.acl?.users.map(user => user.password?.())).toEqual(['app', 'reader'])
  })

  test('network security and metrics, kept for the server', async () => {
    const network = await file('developer-mesh', 'network')
    expect(network.serverConfiguration).toMatchObject({
      bind: ['127.0.0.1', '::1'],
      protectedMode: true,
      renameCommands: { FLUSHDB: '', FLUSHALL: '', CONFIG: 'CONFIG_e8f9c6d5' },
    })
    const { serverConfiguration } = await file('developer-mesh', 'metrics')
    expect(serverConfiguration.metrics).toContain('redis_stream_consumer_lag')
  })

  test('streams, worker and cache are a plan’s: the warning prints its lines', async () => {
    const streams = await file('developer-mesh', 'streams')
    expect(streams.warnings).toEqual([
      [
        'streams.yaml: redis.streams is keyspace, and has no effect here. The plan that says the same:',
        "  webhookEvents: stream('webhook_events', { value: json(), keep: { entries: 100000 }, block: '5s', batch: 100, claimAfter: '60s', retry: { attempts: 3 }, deadLetters: { keep: '7d' }, groups: { webhook_workers: { start: '$' } } }),",
        "  taskEvents: stream('task_events', { value: json(), keep: { entries: 100000 }, block: '5s', batch: 100, claimAfter: '60s', retry: { attempts: 3 }, deadLetters: { keep: '7d' }, groups: { task_workers: { start: '0' } } }),",
        "  agentMessages: stream('agent_messages', { value: json(), keep: { entries: 100000 }, block: '5s', batch: 100, claimAfter: '60s', retry: { attempts: 3 }, deadLetters: { keep: '7d' } }),",
      ].join('\n'),
    ])
    const cache = await file('developer-mesh', 'cache')
    expect(cache.warnings).toEqual([
      [
        'cache.yaml: cache is keyspace, and has no effect here. The plan that says the same:',
        "  embeddings: cache('emb:<key...>', { ttl: '15m', value: json() }),",
        "  apiResponses: cache('resp:<key...>', { ttl: '5m', value: json() }),",
        "  toolSpecs: cache('tool:<key...>', { ttl: '10m', value: json() }),",
        "  sessions: session('sess:<sessionId>', { ttl: '30m' }),",
      ].join('\n'),
    ])
    expect(cache.serverConfiguration).toMatchObject({ maxMemory: 1024 ** 3, maxMemoryPolicy: 'allkeys-lru' })
    const worker = await file('developer-mesh', 'worker')
    expect(worker.warnings).toEqual([expect.stringMatching(/^worker\.yaml: worker is keyspace/)])
    expect(worker.warnings[0]).toContain("processed: once('processed:<id>', { ttl: '24h' }),")
  })

  test('development, staging and production of one file', async () => {
    const load = (environment: string, env: NodeJS.ProcessEnv = {}) =>
      file('developer-mesh', 'keyplan', env, { environment })
    const development = await load('development')
    expect(development.settings.target).toMatchObject({
      topology: 'standalone',
      addresses: [{ host: 'localhost', port: 6379 }],
      access: { password: undefined, tls: undefined },
      maxConnections: 10,
    })
    expect(development.settings).toMatchObject({ deadline: 3_000, retry: { attempts: 3 } })

    const staging = await load('staging', { REDIS_PASSWORD: 'secret' })
    expect(staging.settings.target).toMatchObject({
      addresses: [{ host: 'staging-redis.example.com', port: 6379 }],
      access: { tls: { minVersion: 'TLSv1.2' } },
      database: 0,
      maxConnections: 25,
    })
    expect(await passwordOf(staging)).toBe('secret')

    const production = await load('production', { REDIS_PASSWORD: 'secret' })
    const { target } = production.settings
    expect(target).toMatchObject({
      topology: 'sentinel',
      addresses: [1, 2, 3].map(number => ({ host: `sentinel${number}.prod`, port: 26379 })),
      sentinel: { master: 'production-master', access: { tls: target?.access.tls } },
      access: { tls: { minVersion: 'TLSv1.2' } },
      maxConnections: 50,
    })
    expect(await passwordOf(production)).toBe('secret')
    expect(production.warnings).toEqual([
      'keyplan.yaml: redis.address is not used: keyplan.yaml: environments.production.redis.sentinel.enabled takes its place',
    ])
    expect((await load('production')).warnings).toContainEqual(expect.stringMatching(/^no password is configured/))
  })

  test.each(['development', 'staging', 'production'])('the block of %s by itself', async block => {
    const { settings } = await file('developer-mesh', block, { REDIS_PASSWORD: 'secret' })
    expect(settings.target?.topology).toBe(block === 'production' ? 'sentinel' : 'standalone')
  })

  test('ElastiCache', async () => {
    const env = {
      ELASTICACHE_ENDPOINT: 'primary.cache.amazonaws.com',
      ELASTICACHE_CONFIG_ENDPOINT: 'config.cache.amazonaws.com',
      ELASTICACHE_AUTH_TOKEN: 'token',
    }
    const configuration = await file('developer-mesh', 'elasticache', env)
    expect(configuration.settings.target).toMatchObject({
      topology: 'cluster',
      addresses: [{ host: 'config.cache.amazonaws.com', port: 6379 }],
      access: { tls: { minVersion: 'TLSv1.2' } },
      database: 0,
    })
    expect(await passwordOf(configuration)).toBe('token')
    expect(configuration.serverConfiguration.encryptionAtRest).toBe(true)
    expect(configuration.warnings).toEqual([])
    expect(await problemsOf(file('developer-mesh', 'elasticache'))).toEqual([
      'redis.elasticache.endpoint is not set, and elasticache.yaml: redis.elasticache.enabled needs it ($' +
        '{ELASTICACHE_ENDPOINT} is not set)',
    ])
    expect(await problemsOf(file('developer-mesh', 'elasticache', { ...env, REDIS_DB: '2' }))).toEqual([
      'REDIS_DB asks for a database other than 0, and a Cluster has no other',
    ])
  })

  test('two of its modes in one environment are refused', async () => {
    const block = (name: string) => readFileSync(join(documents, `developer-mesh/${name}.yaml`), 'utf8')
    const both = `${block('sentinel')}${block('cluster').replace('redis:\n', '')}`
    await using folder = await withFolder({ 'keyplan.yaml': both })
    expect(await problemsOf(loadConfiguration({ folder: folder.folder, env: {} }))).toEqual([
      'keyplan.yaml: redis.sentinel.enabled and keyplan.yaml: redis.cluster.enabled are enabled at once: write enabled: false to all but one of them',
    ])
  })
})
