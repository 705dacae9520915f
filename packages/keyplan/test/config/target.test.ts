import { join } from 'node:path'
import { createAuthority } from '@keyplan/local'
import { describe, expect, test } from 'vitest'
import type { KeyplanError } from '../../src/base/error.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { withFolder } from './folder.ts'

const resolved = (options: ConnectOptions, env: NodeJS.ProcessEnv = {}) => resolveSettings(options, env)

function refusal(options: ConnectOptions, env: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    resolveSettings(options, env)
  } catch (error) {
    return (error as KeyplanError).problems
  }
  throw new Error('it was accepted')
}

describe('Sentinel', () => {
  test('from options', async () => {
    const { target, warnings } = resolved({
      sentinel: {
        master: 'main',
        addresses: ['one', '[::1]:7000'],
        username: 'watcher',
        password: 'watch',
        connectTimeout: '2s',
      },
      password: 'data',
      tls: { servername: 'redis.internal' },
      natMap: { '10.0.0.1:6379': 'localhost:7001' },
    })
    expect(target).toMatchObject({
      topology: 'sentinel',
      addresses: [
        { host: 'one', port: 26379 },
        { host: '::1', port: 7000 },
      ],
      access: { tls: { servername: 'redis.internal' } },
      sentinel: { master: 'main', access: { username: 'watcher', tls: target?.access.tls }, connectTimeout: 2_000 },
      natMap: { '10.0.0.1:6379': 'localhost:7001' },
      readFrom: 'any',
    })
    expect(await target?.access.password?.()).toBe('data')
    expect(await target?.sentinel?.access.password?.()).toBe('watch')
    expect(warnings).toEqual([])
  })

  test("from a URL: user, password and database are the servers', the Sentinels are open", async () => {
    const url = 'rediss://app:p@:/#%?é@s1:26379,s2:26379,s3:26379/2?sentinelMasterId=mymaster'
    const { target } = resolved({}, { REDIS_URL: url })
    expect(target).toMatchObject({
      topology: 'sentinel',
      addresses: ['s1', 's2', 's3'].map(host => ({ host, port: 26379 })),
      access: { username: 'app', tls: { minVersion: 'TLSv1.2' } },
      sentinel: { master: 'mymaster', access: { username: undefined, password: undefined } },
      database: 2,
    })
    expect(await target?.access.password?.()).toBe('p@:/#%?é')
  })

  test('replicas are its own to tell', () => {
    const env = { REDIS_SENTINEL_NODES: 's1 s2', REDIS_SENTINEL_MASTER: 'm', REDIS_READ_REPLICA_URLS: 'redis://r' }
    const { target, warnings } = resolved({ readFrom: 'nearest' }, env)
    expect(target).toMatchObject({ replicas: [], readFrom: 'nearest' })
    expect(warnings).toEqual(['REDIS_READ_REPLICA_URLS is not used: Sentinel tells its replicas'])
  })
})

describe('Cluster', () => {
  test('from options and from the environment', () => {
    const nodes = [
      { host: 'one', port: 6379 },
      { host: 'two', port: 7000 },
    ]
    expect(resolved({ cluster: { addresses: ['one', 'two:7000'], maxRedirects: 3 } }).target).toMatchObject({
      topology: 'cluster',
      addresses: nodes,
      maxRedirects: 3,
    })
    expect(resolved({}, { REDIS_CLUSTER_NODES: 'one, two:7000' }).target).toMatchObject({ addresses: nodes })
    expect(resolved({}, { REDIS_CLUSTER_NODES: 'one', REDIS_CLUSTER_MODE: 'false' }).target).toBe(undefined)
  })

  test('without addresses it begins at the one server, with its credentials', async () => {
    const { target, warnings } = resolved({}, { REDIS_CLUSTER_MODE: 'true', REDIS_URL: 'rediss://:pw@first:7000' })
    expect(target).toMatchObject({ topology: 'cluster', addresses: [{ host: 'first', port: 7000 }] })
    expect(target?.access.tls).toBeDefined()
    expect(await target?.access.password?.()).toBe('pw')
    expect(warnings).toEqual([])
  })
})

describe('read replicas of a standalone server', () => {
  test('are used where they are given, and share its password', () => {
    const env = { REDIS_URL: 'redis://:pw@main', REDIS_READ_REPLICA_URLS: 'redis://:pw@r1:7001, r2' }
    expect(resolved({}, env).target).toMatchObject({
      replicas: [
        { host: 'r1', port: 7001 },
        { host: 'r2', port: 6379 },
      ],
      readFrom: 'any',
    })
    expect(resolved({}, { ...env, REDIS_READ_REPLICAS: 'false' }).target).toMatchObject({
      replicas: [],
      readFrom: 'master',
    })
    expect(refusal({}, { ...env, REDIS_READ_REPLICA_URLS: 'redis://:else@r1' })).toEqual([
      "REDIS_READ_REPLICA_URLS gives a password other than the server's: replicas share it",
    ])
  })
})

describe('TLS', () => {
  test('files are read, and each that is wrong is named', async () => {
    await using folder = await withFolder({ 'no.pem': 'nothing' })
    const authority = await createAuthority(join(folder.folder, 'ca'))
    const own = await authority.issue({ names: ['client'] })
    const stranger = await (await createAuthority(join(folder.folder, 'other'))).issue({ names: ['client'] })
    const expired = await authority.issue({ names: ['old'], expired: true })
    const env = {
      REDIS_URL: 'rediss://here',
      REDIS_TLS_CA_FILE: authority.file,
      REDIS_TLS_CERT_FILE: own.certificateFile,
      REDIS_TLS_KEY_FILE: own.keyFile,
    }
    expect(resolved({}, env).target?.access.tls).toEqual(
      expect.objectContaining({ ca: authority.certificate, cert: own.certificate, key: own.key }),
    )
    expect(refusal({}, { ...env, REDIS_TLS_CA_FILE: folder.path('no.pem'), REDIS_TLS_KEY_FILE: '' })).toEqual([
      'REDIS_TLS_CA_FILE names a file that holds no certificate in PEM form',
      'REDIS_TLS_CERT_FILE needs its key: set redis.tls.key_file',
    ])
    expect(refusal({}, { ...env, REDIS_TLS_KEY_FILE: stranger.keyFile })).toEqual([
      'REDIS_TLS_KEY_FILE is not the key of the certificate in REDIS_TLS_CERT_FILE',
    ])
    expect(refusal({}, { ...env, REDIS_TLS_CERT_FILE: expired.certificateFile })).toContain(
      'REDIS_TLS_CERT_FILE holds a certificate that has expired',
    )
    expect(refusal({}, { ...env, REDIS_TLS_KEY_FILE: folder.folder })).toEqual([
      'REDIS_TLS_KEY_FILE names a file that cannot be read: it is a folder',
    ])
  })

  test.each<[ConnectOptions, NodeJS.ProcessEnv, string]>([
    [{ url: 'rediss://here', tls: { insecureSkipVerify: true } }, {}, 'tls.insecureSkipVerify'],
    [{}, { REDIS_URL: 'rediss://here', REDIS_TLS_SKIP_VERIFY: 'true' }, 'REDIS_TLS_SKIP_VERIFY'],
    [{}, { REDIS_URL: 'rediss://here', REDIS_SSL_CERT_REQS: 'none' }, 'REDIS_SSL_CERT_REQS'],
    [{}, { REDIS_URL: 'rediss://here', REDIS_SSL_CERT_REQS: 'optional' }, 'REDIS_SSL_CERT_REQS'],
  ])('%j %j is insecure, and warned of', (options, env, source) => {
    const { target, warnings } = resolved(options, env)
    expect(target?.access.tls).toMatchObject({ rejectUnauthorized: false })
    expect(target?.access.tls).not.toHaveProperty('insecureSkipVerify')
    expect(warnings).toEqual([expect.stringMatching(`^INSECURE: ${source} trusts any certificate`)])
  })

  test('is verified otherwise', () => {
    const env = { REDIS_URL: 'rediss://here', REDIS_TLS_SKIP_VERIFY: 'false', REDIS_SSL_CERT_REQS: 'required' }
    const { target, warnings } = resolved({}, env)
    expect(target?.access.tls).not.toHaveProperty('rejectUnauthorized')
    expect(warnings).toEqual([])
  })
})

test('a pool is a ceiling, and links are counted one by one when that is asked for', () => {
  const pool = (options: ConnectOptions, env: NodeJS.ProcessEnv = {}) => {
    const { target } = resolved({ ...options, url: 'redis://here' }, env)
    return [target?.pool, target?.maxConnections]
  }
  expect(pool({})).toEqual([1, undefined])
  expect(pool({}, { REDIS_POOL_SIZE: '2' })).toEqual([2, 2])
  expect(pool({}, { REDIS_MAX_CONNECTIONS: '50' })).toEqual([4, 50])
  expect(pool({ pool: 8 }, { REDIS_MAX_CONNECTIONS: '50' })).toEqual([8, 50])
})

test('the servers of a quorum are let in by their own URLs alone', async () => {
  const env = { REDIS_URL: 'redis://app:shared@main/3', REDIS_QUORUM_NODES: 'q1:7001, redis://:own@q2, q3' }
  const { quorum, target, explained } = resolved({}, env)
  expect(target).toMatchObject({ addresses: [{ host: 'main' }], database: 3 })
  expect(quorum?.map(({ addresses }) => addresses)).toEqual([
    [{ host: 'q1', port: 7001 }],
    [{ host: 'q2', port: 6379 }],
    [{ host: 'q3', port: 6379 }],
  ])
  expect(quorum?.map(({ topology, database, access }) => [topology, database, access.username])).toEqual(
    new Array(3).fill(['standalone', 0, undefined]),
  )
  expect(await quorum?.[1]?.access.password?.()).toBe('own')
  expect(quorum?.[0]?.access.password).toBe(undefined)
  expect(JSON.stringify(explained)).not.toContain('own')
  const byCode = resolved({ servers: { quorum: ['redis://a', 'redis://b', 'redis://c'] } }, env)
  expect(byCode.quorum?.[0]?.addresses).toEqual([{ host: 'a', port: 6379 }])
  expect(resolved({}, { REDIS_URL: 'redis://main' }).quorum).toBe(undefined)
  const even = resolved({ servers: { quorum: ['a', 'b', 'c', 'd'] } }, env)
  expect(even.warnings).toContain('servers.quorum lists 4: an even number outlives no more losses than one fewer')
})

test.each<[readonly string[], string]>([
  [['a', 'b'], 'servers.quorum lists 2; with fewer than 3 servers no majority outlives the loss of one'],
  [['a', 'b', 'a'], 'servers.quorum lists a server twice, which would have two votes'],
  [
    ['a', 'b', 'redis://c,d?sentinelMasterId=m'],
    'servers.quorum names Sentinels; list servers that are not replicated',
  ],
])('a quorum of %j is refused', (quorum, problem) => {
  expect(() => resolved({ servers: { quorum } }, { REDIS_URL: 'redis://main' })).toThrow(problem)
})

test('each role has its own server, laid over the one', async () => {
  const env = { REDIS_URL: 'redis://app:shared@main/3', REDIS_TLS_SKIP_VERIFY: 'false' }
  const { targets, target, explained } = resolved({ servers: { cache: { url: 'redis://:own@cache:7000' } } }, env)
  expect(targets?.durable).toBe(target)
  expect(targets?.durable).toMatchObject({ addresses: [{ host: 'main', port: 6379 }], database: 3 })
  expect(targets?.cache).toMatchObject({ addresses: [{ host: 'cache', port: 7000 }], database: 0 })
  expect(await targets?.cache.access.password?.()).toBe('own')
  expect(await targets?.durable.access.password?.()).toBe('shared')
  expect(explained).toContainEqual({
    setting: 'servers.cache.url',
    value: 'redis://:(secret)@cache:7000',
    source: 'servers.cache.url',
  })
  const both = resolved({ servers: { cache: { url: 'redis://one' }, durable: { url: 'redis://two' } } }, env)
  expect(both.targets?.cache.access.password).toBe(undefined)
  expect(both.targets?.durable).toMatchObject({ access: { username: undefined, password: undefined }, database: 0 })
  expect(both.targets?.cache.addresses).toEqual([{ host: 'one', port: 6379 }])
  expect(both.target).toBe(both.targets?.durable)
})
