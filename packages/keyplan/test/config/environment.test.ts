import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { KeyplanError } from '../../src/base/error.ts'
import { variableNames } from '../../src/config/environment.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { withFolder } from './folder.ts'

const url = 'redis://here:7000'

function refusal(env: NodeJS.ProcessEnv, options: ConnectOptions = {}): readonly string[] {
  try {
    resolveSettings(options, env)
  } catch (error) {
    return (error as KeyplanError).problems
  }
  throw new Error('it was accepted')
}

describe('a server is named by', () => {
  test.each<[NodeJS.ProcessEnv, object]>([
    [{ REDIS_URL: url }, { host: 'here', port: 7000 }],
    [{ REDIS_URI: url }, { host: 'here', port: 7000 }],
    [{ REDIS_ADDR: 'here:7000' }, { host: 'here', port: 7000 }],
    [{ REDIS_ADDR: 'here' }, { host: 'here', port: 6379 }],
    [{ REDIS_ADDR: '[::1]:7000' }, { host: '::1', port: 7000 }],
    [{ REDIS_ADDR: '/run/redis.sock' }, { path: '/run/redis.sock' }],
    [{ REDIS_ADDR: url }, { host: 'here', port: 7000 }],
    [{ REDIS_URL: 'unix:///run/redis.sock?db=3' }, { path: '/run/redis.sock' }],
    [{ REDIS_URL: 'redis://[fe80::1]:7000' }, { host: 'fe80::1', port: 7000 }],
    [{ REDIS_HOST: 'here' }, { host: 'here', port: 6379 }],
    [
      { REDIS_HOST: '[::1]', REDIS_PORT: '7000' },
      { host: '::1', port: 7000 },
    ],
    [{ REDIS_PORT: '7000' }, { host: '127.0.0.1', port: 7000 }],
    [
      { REDIS_HOST: 'here', REDIS_PORT: 'tcp://10.0.0.1:6379' },
      { host: 'here', port: 6379 },
    ],
    [
      { REDIS_URL: url, REDIS_ADDR: 'there:1', REDIS_HOST: 'elsewhere' },
      { host: 'here', port: 7000 },
    ],
    [
      { REDIS_URL: '', REDIS_URI: ' ', REDIS_ADDR: 'here' },
      { host: 'here', port: 6379 },
    ],
  ])('%j', (env, address) => {
    expect(resolveSettings({}, env).target?.addresses).toEqual([address])
  })

  test('nothing: the variables Kubernetes sets for a service called redis', () => {
    const env = { REDIS_PORT: 'tcp://10.0.0.1:6379', REDIS_SERVICE_HOST: '10.0.0.1', REDIS_PORT_6379_TCP_PORT: '6379' }
    const { target, warnings } = resolveSettings({}, env)
    expect(target).toBe(undefined)
    expect(warnings).toEqual([])
  })
})

describe('each of these is refused by its name and the kind of its value', () => {
  test.each<[NodeJS.ProcessEnv, RegExp]>([
    [{ REDIS_URL: 'localhost:6379' }, /^REDIS_URL does not begin with redis:\/\//],
    [{ REDIS_URL: 'redis://a:1,b:2' }, /^REDIS_URL names several hosts/],
    [{ REDIS_ADDR: ':6379' }, /^REDIS_ADDR names no host; write host:6379/],
    [{ REDIS_ADDR: 'here:70000' }, /^REDIS_ADDR has a port outside 1 to 65535/],
    [{ REDIS_HOST: 'here', REDIS_PORT: '70000' }, /^REDIS_PORT is outside 1 to 65535/],
    [{ REDIS_HOST: 'here', REDIS_PORT: 'six' }, /^REDIS_PORT is a string; write a port/],
    [{ REDIS_URL: url, REDIS_DB: '-1' }, /^REDIS_DB is a negative number; write the number of a database/],
    [{ REDIS_URL: url, REDIS_DATABASE: 'main' }, /^REDIS_DATABASE is a string/],
    [{ REDIS_URL: url, REDIS_POOL_SIZE: 'NaN' }, /^REDIS_POOL_SIZE is a string; write a whole number from 1 up/],
    [{ REDIS_URL: url, REDIS_POOL_SIZE: '2.5' }, /^REDIS_POOL_SIZE is a fraction/],
    [{ REDIS_URL: url, REDIS_POOL_SIZE: '-5' }, /^REDIS_POOL_SIZE is a negative number/],
    [{ REDIS_URL: url, REDIS_MAX_RETRIES: '-1' }, /^REDIS_MAX_RETRIES is a negative number; .* from 0 up/],
    [{ REDIS_URL: url, REDIS_TIMEOUT: '-5' }, /^REDIS_TIMEOUT is a negative number; .* or a number of s$/],
    [{ REDIS_URL: url, REDIS_TIMEOUT: '0' }, /^REDIS_TIMEOUT is a number/],
    [{ REDIS_URL: url, REDIS_COMMAND_TIMEOUT: 'five' }, /^REDIS_COMMAND_TIMEOUT is a string; write a length of time/],
    [{ REDIS_URL: url, REDIS_SSL: 'maybe' }, /^REDIS_SSL is a string; write true or false/],
    [
      { REDIS_URL: url, REDIS_SSL_CERT_REQS: 'never' },
      /^REDIS_SSL_CERT_REQS .* write 'required', 'optional' or 'none'/,
    ],
    [{ REDIS_URL: url, REDIS_MAX_MEMORY: 'lots' }, /^REDIS_MAX_MEMORY is a string; write a size/],
    [{ REDIS_URL: url, REDIS_MAX_CLIENTS: '0' }, /^REDIS_MAX_CLIENTS is a number; write a whole number from 1/],
    [{ REDIS_URL: url, REDIS_READ_REPLICA_URLS: 'a:1,b:x' }, /^REDIS_READ_REPLICA_URLS\[1\] has a port outside/],
    [{ REDIS_CLUSTER_MODE: 'true' }, /^REDIS_CLUSTER_MODE needs the address of a node/],
    [{ REDIS_CLUSTER_NODES: 'a:1', REDIS_DB: '3' }, /^REDIS_DB asks for a database other than 0, and a Cluster/],
    [{ REDIS_URL: 'redis://a/3', REDIS_CLUSTER_MODE: 'yes' }, /^REDIS_URL asks for a database other than 0/],
    [{ REDIS_SENTINEL_NODES: 'a' }, /^redis.sentinel.master_name is not set, and REDIS_SENTINEL_NODES needs it/],
    [
      { REDIS_SENTINEL_NODES: 'a', REDIS_SENTINEL_MASTER: 'm', REDIS_CLUSTER_NODES: 'b' },
      /^REDIS_SENTINEL_NODES and REDIS_CLUSTER_NODES are given at once/,
    ],
    [{ REDIS_URL: url, REDIS_TLS_ENABLED: '1', REDIS_TLS_CA_FILE: '/not/there' }, /^REDIS_TLS_CA_FILE .* not there$/],
    [{ NODE_ENV: 'production' }, /^no server is configured: set url or REDIS_URL/],
    [{ KEYPLAN_ENV: 'production' }, /^no server is configured/],
    [{ KEYPLAN_ENV: 'staging', NODE_ENV: 'production' }, /^no server is configured/],
  ])('%j', (env, problem) => {
    expect(refusal(env)).toEqual([expect.stringMatching(problem)])
  })
})

describe('the unit of a bare number is its document’s', () => {
  const read = (env: NodeJS.ProcessEnv) => resolveSettings({}, env)
  test.each<[NodeJS.ProcessEnv, Partial<ReturnType<typeof read>>]>([
    [{ REDIS_TIMEOUT: '10' }, { deadline: 10_000 }],
    [{ REDIS_TIMEOUT: '0.5' }, { deadline: 500, attempt: 500 }],
    [{ REDIS_TIMEOUT: '250ms' }, { deadline: 250 }],
    [{ REDIS_COMMAND_TIMEOUT: '4000' }, { deadline: 4_000 }],
    [{ REDIS_SOCKET_TIMEOUT: '3' }, { deadline: 3_000 }],
    [{ REDIS_SOCKET_CONNECT_TIMEOUT: '2' }, { connectTimeout: 2_000 }],
    [{ REDIS_CONNECTION_TIMEOUT: '2000' }, { connectTimeout: 2_000 }],
    [{ REDIS_HEALTH_CHECK_INTERVAL: '60' }, { healthInterval: 60_000, pingEvery: 3_000 }],
  ])('%j', (env, settings) => {
    expect(read(env)).toMatchObject(settings)
    expect(read(env).warnings).toEqual([])
  })
})

describe('where two names disagree there is a warning', () => {
  test.each<[NodeJS.ProcessEnv, string]>([
    [{ REDIS_URL: url, REDIS_URI: 'redis://there' }, 'REDIS_URL and REDIS_URI disagree: REDIS_URL counts'],
    [{ REDIS_URL: url, REDIS_HOST: 'there' }, 'REDIS_URL and REDIS_HOST disagree on the address: REDIS_URL counts'],
    [{ REDIS_URL: `${url}/2`, REDIS_DB: '0' }, 'REDIS_URL and REDIS_DB disagree on the database: REDIS_URL counts'],
    [{ REDIS_HOST: 'a', REDIS_DB: '1', REDIS_DATABASE: '2' }, 'REDIS_DB and REDIS_DATABASE disagree: REDIS_DB counts'],
    [
      { REDIS_URL: 'redis://:one@here', REDIS_PASSWORD: 'two' },
      'REDIS_URL and REDIS_PASSWORD both give a password: that of REDIS_URL counts',
    ],
    [
      { REDIS_URL: url, REDIS_COMMAND_TIMEOUT: '5000', REDIS_TIMEOUT: '10' },
      'REDIS_COMMAND_TIMEOUT and REDIS_TIMEOUT disagree: REDIS_COMMAND_TIMEOUT counts',
    ],
    [
      { REDIS_URL: url, REDIS_TIMEOUT: '10', REDIS_SOCKET_TIMEOUT: '5' },
      'REDIS_TIMEOUT and REDIS_SOCKET_TIMEOUT disagree: the deadline of a call is that of REDIS_TIMEOUT',
    ],
    [{ REDIS_URL: url, REDIS_SSL: 'on' }, 'REDIS_URL is no rediss:// URL, but REDIS_SSL asks for TLS: TLS is used'],
    [
      { REDIS_URL: 'rediss://here', REDIS_TLS_ENABLED: 'no' },
      'REDIS_TLS_ENABLED turns TLS off, but REDIS_URL asks for it: TLS is used',
    ],
    [
      { REDIS_URL: url, REDIS_SENTINEL_NODES: 'a', REDIS_SENTINEL_MASTER: 'm' },
      'REDIS_URL is not used: REDIS_SENTINEL_NODES takes its place',
    ],
    [{ REDIS_URL: url, REDIS_READ_REPLICAS: 'true' }, expect.stringMatching(/^REDIS_READ_REPLICAS .* none is named/)],
    [{ REDIS_URL: url, REDIS_PASWORD: 'x' }, expect.stringMatching(/^REDIS_PASWORD .* did you mean REDIS_PASSWORD\?$/)],
    [{ REDIS_URL: url, REDIS_TLS_CA_FILE: '/x' }, 'REDIS_TLS_CA_FILE is not used: nothing asks for TLS'],
    [{ REDIS_URL: 'unix:///r.sock', REDIS_SSL: '1' }, expect.stringMatching(/^REDIS_URL is a socket of this machine/)],
    [{ ENABLE_REDIS: 'false', REDIS_URL: url }, 'ENABLE_REDIS turns Redis off: this process runs alone'],
    [
      { REDIS_URL: url, NODE_ENV: 'production' },
      expect.stringMatching(/^no password is configured for here:7000, in production/),
    ],
  ])('%j', (env, warning) => {
    expect(resolveSettings({}, env).warnings).toContainEqual(warning)
  })

  test('and none of a URL that only names one of the nodes', () => {
    const cluster = { REDIS_URL: 'redis://a:7000', REDIS_CLUSTER_NODES: 'a:7000,b:7000' }
    expect(resolveSettings({}, cluster).warnings).toEqual([])
    const secured = { ...cluster, REDIS_URL: 'rediss://a:7000', REDIS_TLS_ENABLED: 'true' }
    expect(resolveSettings({}, secured).warnings).toEqual([])
    for (const url of ['rediss://a:7000', 'redis://:secret@a:7000', 'redis://c:7000', 'redis://a:7000/1']) {
      const warning = 'REDIS_URL is not used: REDIS_CLUSTER_NODES takes its place'
      expect(resolveSettings({}, { ...cluster, REDIS_URL: url }).warnings).toContain(warning)
    }
  })

  test('and none where they agree', () => {
    const env = {
      REDIS_URL: 'redis://user:secret@here:7000/2',
      REDIS_URI: 'redis://user:secret@here:7000/2',
      REDIS_ADDR: 'here:7000',
      REDIS_HOST: 'here',
      REDIS_PORT: '7000',
      REDIS_PASSWORD: 'secret',
      REDIS_DB: '2',
      REDIS_DB3: 'not ours',
    }
    expect(resolveSettings({}, env).warnings).toEqual([])
  })
})

test('a server named among the options gets nothing that was meant for another', async () => {
  const env = {
    REDIS_URL: 'redis://:other@elsewhere',
    REDIS_USERNAME: 'someone',
    REDIS_PASSWORD: 'other',
    REDIS_DB: '4',
    REDIS_SSL: 'true',
    REDIS_CLUSTER_NODES: 'x:1',
    REDIS_TIMEOUT: '7',
  }
  const { target, deadline, warnings } = resolveSettings({ url }, env)
  expect(target).toMatchObject({
    topology: 'standalone',
    addresses: [{ host: 'here', port: 7000 }],
    access: { username: undefined, password: undefined, tls: undefined },
    database: 0,
  })
  expect(deadline).toBe(7_000)
  expect(warnings).toEqual([])
  // The environment's own URL, passed on, means the environment.
  const passedOn = { REDIS_URL: url, REDIS_PASSWORD: 'secret', REDIS_DB: '4' }
  const same = resolveSettings({ url: passedOn.REDIS_URL }, passedOn).target
  expect(same?.database).toBe(4)
  expect(await same?.access.password?.()).toBe('secret')
})

describe('any character is allowed in a password', () => {
  test.each(['p@:/#%?é', 'a%41', 'with space', '%', '#', 'a@b@c', 'quote\'"', '100%25'])('%s', async password => {
    const give = async (options: ConnectOptions, env: NodeJS.ProcessEnv) => {
      const settings = resolveSettings(options, env)
      expect(settings.warnings).toEqual([])
      return settings.target?.access.password?.()
    }
    expect(await give({ url, password }, {})).toBe(password)
    expect(await give({ url: `redis://u:${encodeURIComponent(password)}@here` }, {})).toBe(password)
    expect(await give({}, { REDIS_HOST: 'here', REDIS_PASSWORD: password })).toBe(password)
    expect(await give({}, { REDIS_URL: `redis://:${password}@here`, REDIS_PASSWORD: password })).toBe(password)
  })
})

test('a password file is read anew for each connection', async () => {
  await using folder = await withFolder({ secret: 'first\n' })
  const env = { REDIS_URL: url, REDIS_PASSWORD_FILE: folder.path('secret') }
  const { target, warnings } = resolveSettings({}, env)
  expect(await target?.access.password?.()).toBe('first')
  writeFileSync(folder.path('secret'), 'p@:/#%?é \r\n')
  expect(await target?.access.password?.()).toBe('p@:/#%?é ')
  expect(warnings).toEqual([])
  expect(resolveSettings({}, { ...env, REDIS_PASSWORD: 'x' }).warnings).toEqual([
    'REDIS_PASSWORD_FILE and REDIS_PASSWORD both give a password: that of REDIS_PASSWORD_FILE counts',
  ])
  expect(refusal({ ...env, REDIS_PASSWORD_FILE: '/not/there' })).toEqual([
    'REDIS_PASSWORD_FILE names a file that cannot be read: it is not there',
  ])
})

test('ENABLE_REDIS=false is memory mode, in production too', () => {
  const settings = resolveSettings({}, { ENABLE_REDIS: 'false', REDIS_URL: url, NODE_ENV: 'production' })
  expect(settings.target).toBe(undefined)
  expect(resolveSettings({}, { ENABLE_REDIS: 'false', REDIS_URL: 'to be filled in' }).target).toBe(undefined)
  expect(resolveSettings({}, { ENABLE_REDIS: 'true', REDIS_URL: url }).target).toBeDefined()
})

test('no variable stands for two settings', () => {
  const names = variableNames()
  expect(new Set(names).size).toBe(names.length)
})
