import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { KeyplanError } from '../../src/base/error.ts'
import {
  type ConfigurationSource,
  explain,
  loadConfiguration,
  loadSettings,
} from '../../src/config/file/configuration.ts'
import { withFolder } from './folder.ts'

const load = (folder: string, source: ConfigurationSource = {}) => loadConfiguration({ folder, env: {}, ...source })

async function refusal(files: Record<string, string>, source: ConfigurationSource = {}): Promise<KeyplanError> {
  await using folder = await withFolder(files)
  return await load(folder.folder, source).then(
    () => {
      throw new Error('it was accepted')
    },
    (error: KeyplanError) => error,
  )
}

const problemsOf = async (yaml: string, source: ConfigurationSource = {}) =>
  (await refusal({ 'keyplan.yaml': yaml }, source)).problems

describe('each of these is refused by its file, its path and the kind of its value', () => {
  test.each<[string, string | RegExp]>([
    ['redis: localhost', /^keyplan.yaml: redis is a string; write a group with url, address, /],
    ['redis: [1]', /^keyplan.yaml: redis is an array; write a group/],
    ['redis: { pool: { sise: 1 } }', 'keyplan.yaml: redis.pool.sise is no setting; did you mean redis.pool.size?'],
    ['redis: { adress: a }', /^keyplan.yaml: redis.adress is no setting; did you mean .*redis.address\?$/],
    ['reddis: {}', /^keyplan.yaml: reddis is no setting; did you mean .*redis\?$/],
    ['enviroments: {}', /^keyplan.yaml: enviroments is no setting; did you mean .*environments\?$/],
    ['plan: {}', 'keyplan.yaml: plan is no setting'],
    ['environments: { production: { redis: { pol: 1 } } }', /^keyplan.yaml: environments.production.redis.pol is no/],
    ['environments: { production: { environments: {} } }', /environments.production.environments is no setting/],
    ['servers: { quorum: [a, b] }', /^keyplan.yaml: servers.quorum lists 2; with fewer than 3 servers/],
    ['servers: { quorum: 5 }', /^keyplan.yaml: servers.quorum is a number; write a list/],
    ['servers: { cash: {} }', 'keyplan.yaml: servers.cash is no role; write cache or durable'],
    ['servers: { cache: { prefix: a } }', 'keyplan.yaml: servers.cache.prefix is no setting'],
    ['redis: { address: a, pool: { size: big } }', /^keyplan.yaml: redis.pool.size is a string; write a whole number/],
    ['redis: { address: a, pool: { size: -1 } }', /^keyplan.yaml: redis.pool.size is a negative number/],
    ['redis: { address: a, pool: { size: .nan } }', /^keyplan.yaml: redis.pool.size is NaN/],
    ['redis: { address: a, pool: { size: [1] } }', /^keyplan.yaml: redis.pool.size is an array/],
    ['redis: { address: a, db: -1 }', /^keyplan.yaml: redis.db is a negative number/],
    ['redis: { address: a, timeouts: { read: 3 } }', /^keyplan.yaml: redis.timeouts.read is a number; .* '30s'/],
    ['redis: { address: a, timeouts: { read: 3 seconds } }', /^keyplan.yaml: redis.timeouts.read is a string/],
    ['redis: { address: "a:70000" }', 'keyplan.yaml: redis.address has a port outside 1 to 65535'],
    ['redis: { host: a, port: 70000 }', 'keyplan.yaml: redis.port is outside 1 to 65535'],
    [
      'redis: { address: a, tls: { enabled: si } }',
      /^keyplan.yaml: redis.tls.enabled is a string; write true or false/,
    ],
    ['redis: { address: a, tls: { options: { min_version: 1.1 } } }', /min_version .* write '1.2' or '1.3'/],
    ['redis: { address: a, password: [b] }', /^keyplan.yaml: redis.password is an array/],
    ['redis: { url: "redis://a:1,b:2" }', /^keyplan.yaml: redis.url names several hosts/],
    ['redis: { address: a, tls: { node: {} } }', /^keyplan.yaml: redis.tls.node is no setting/],
    ['redis: { sentinel: { enabled: true, addresses: [a] } }', /^redis.sentinel.master_name is not set, and keyplan/],
    [`redis: { sentinel: { enabled: true, master_name: "\${M}", addresses: [a] } }`, /\(\$\{M\} is not set\)$/],
    [
      `redis: { cluster: { enabled: true, addresses: "\${NODES}" } }`,
      /^keyplan.yaml: redis.cluster.enabled needs the address/,
    ],
    [
      'redis: { sentinel: { enabled: true, master_name: m, addresses: [a] }, elasticache: { enabled: true, endpoint: e } }',
      /^keyplan.yaml: redis.sentinel.enabled and keyplan.yaml: redis.elasticache.enabled are enabled at once/,
    ],
    [
      'redis: { elasticache: { enabled: true, endpoint: e, auth_token: t, encryption: { in_transit: false } } }',
      /auth_token needs TLS, which keyplan.yaml: redis.elasticache.encryption.in_transit turns off/,
    ],
    ['redis: { address: a, acl: none }', /^keyplan.yaml: redis.acl is a string; write a group of settings/],
    ['environments: production', /^keyplan.yaml: environments is a string; write a group/],
    ['servers: [a]', /^keyplan.yaml: servers is an array; write a group with cache or durable/],
    ['cache: &all { ttl: *all }', /^keyplan.yaml refers to itself/],
    ['a: b: c', /^keyplan.yaml: line 1 is not valid YAML \(/],
    ['redis: {}\nredis: {}', 'keyplan.yaml: line 2 is not valid YAML (duplicate key)'],
    ['redis: *nowhere', /^keyplan.yaml refers to itself, or to an anchor that is not there$/],
    ['- redis', /^keyplan.yaml is an array; write a group/],
  ])('%s', async (yaml, problem) => {
    expect(await problemsOf(yaml)).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)])
  })

  test('all of them in one report, with those of the variables', async () => {
    const error = await refusal(
      { 'keyplan.yaml': 'redis: { adress: a, db: x }', '.env': 'REDIS_POOL_SIZE=many\nnonsense' },
      { envFile: true },
    )
    expect(error.message).toMatch(/^the configuration is not valid:\n- .env: line 2 is no NAME=value\n- /)
    expect(error.problems).toEqual([
      '.env: line 2 is no NAME=value',
      expect.stringMatching(/adress is no setting/),
      expect.stringMatching(/^keyplan.yaml: redis.db is a string/),
      expect.stringMatching(/^REDIS_POOL_SIZE \(.env\) is a string/),
    ])
    expect(error.exitCode).toBe(78)
  })
})

describe('files', () => {
  test('are found, and more than one is a problem', async () => {
    const yaml = 'redis: { address: here }'
    expect((await refusal({ 'keyplan.yaml': yaml, 'keyplan.json': '{}' })).problems).toEqual([
      'keyplan.yaml and keyplan.json are both there: leave only one',
    ])
    await using folder = await withFolder({ 'keyplan.yml': yaml })
    expect(await load(folder.folder)).toMatchObject({ file: 'keyplan.yml', environment: 'development' })
    expect((await load(folder.folder, { file: false })).settings.target).toBe(undefined)
    await using empty = await withFolder({})
    expect((await load(empty.folder)).file).toBe(undefined)
    expect((await refusal({}, { file: true })).problems).toEqual([
      'there is no keyplan.yaml, keyplan.json or keyplan.ts',
    ])
    expect((await refusal({}, { file: 'other.yaml' })).problems).toEqual(['other.yaml cannot be read: it is not there'])
    expect((await refusal({ 'k.toml': '' }, { file: 'k.toml' })).problems).toEqual([
      'k.toml is of no kind that is known: write a .yaml, .json, .ts or .js file',
    ])
  })

  test('of JSON and of JavaScript mean the same, in camelCase too', async () => {
    const settings = { redis: { address: 'here', cluster: { enabled: true, options: { maxRedirects: 3 } } } }
    await using json = await withFolder({ 'keyplan.json': JSON.stringify(settings) })
    expect((await load(json.folder)).settings.target?.maxRedirects).toBe(3)
    await using module = await withFolder({ 'keyplan.mjs': `export default ${JSON.stringify(settings)}` })
    expect((await load(module.folder)).settings.target?.maxRedirects).toBe(3)
    expect((await refusal({ 'keyplan.json': '{ "redis": secret }' })).problems).toEqual([
      'keyplan.json is not valid JSON',
    ])
    expect((await refusal({ 'keyplan.mjs': 'export const a = 1' })).problems).toEqual([
      'keyplan.mjs exports nothing by default: write export default { … }',
    ])
    expect((await refusal({ 'keyplan.mjs': 'throw new TypeError("secret")' })).problems).toEqual([
      'keyplan.mjs cannot be loaded: it throws TypeError',
    ])
  })

  test('of TypeScript need a loader', async () => {
    await using folder = await withFolder({ 'keyplan.ts': 'export default {} satisfies object' })
    const loaded = await load(folder.folder, {
      loadModule: async file => ({ default: { redis: { address: file.endsWith('keyplan.ts') ? 'here' : 'there' } } }),
    })
    expect(loaded.settings.target?.addresses).toEqual([{ host: 'here', port: 6379 }])
  })

  test('an empty one says nothing', async () => {
    await using folder = await withFolder({ 'keyplan.yaml': '# nothing yet\nredis:\n' })
    expect((await load(folder.folder)).settings.target).toBe(undefined)
  })
})

describe('environments', () => {
  const yaml = `
redis:
  address: base
  password: secret
  pool: { size: 2, max_retries: 3 }
environments:
  development:
    redis: { password: "" }
  staging:
    redis: { address: staging, pool: { size: 5 } }
  production:
    servers:
      cache: { address: cache }
      durable: { address: durable, db: 1 }
`
  const of = async (source: ConfigurationSource, env: NodeJS.ProcessEnv = {}) => {
    await using folder = await withFolder({ 'keyplan.yaml': yaml, '.env': 'KEYPLAN_ENV=staging' })
    return await load(folder.folder, { env, ...source })
  }

  test('are chosen by name, KEYPLAN_ENV, NODE_ENV, and development', async () => {
    expect((await of({})).environment).toBe('development')
    expect((await of({}, { NODE_ENV: 'staging' })).environment).toBe('staging')
    expect((await of({}, { NODE_ENV: 'production', KEYPLAN_ENV: 'staging' })).environment).toBe('staging')
    expect((await of({ environment: 'production' }, { KEYPLAN_ENV: 'staging' })).environment).toBe('production')
    expect((await of({ envFile: true })).environment).toBe('staging')
    expect((await of({ envFile: true }, { KEYPLAN_ENV: 'production' })).environment).toBe('production')
  })

  test('lie over the base, setting by setting', async () => {
    const staging = await of({ environment: 'staging' })
    expect(staging.settings).toMatchObject({
      target: { addresses: [{ host: 'staging', port: 6379 }], maxConnections: 5 },
      retry: { attempts: 3 },
    })
    expect(await staging.settings.target?.access.password?.()).toBe('secret')
    expect((await of({ environment: 'development' })).settings.target?.access.password).toBe(undefined)
  })

  test('and roles over the server of all', async () => {
    const { targets } = (await of({ environment: 'production' })).settings
    expect(targets).toMatchObject({
      cache: { addresses: [{ host: 'cache', port: 6379 }], database: 0 },
      durable: { addresses: [{ host: 'durable', port: 6379 }], database: 1 },
    })
    expect(await targets?.cache.access.password?.()).toBe('secret')
  })

  test('one that is not there is a problem when it was asked for by name', async () => {
    const missing = (source: ConfigurationSource, env: NodeJS.ProcessEnv = {}) =>
      of(source, env).then(
        configuration => configuration.warnings,
        (error: KeyplanError) => error.problems,
      )
    expect(await missing({ environment: 'prodution' })).toEqual([
      'keyplan.yaml has no environment prodution; did you mean production?',
    ])
    expect(await missing({}, { KEYPLAN_ENV: 'qa' })).toEqual([
      'keyplan.yaml has no environment qa, only development, staging, production',
    ])
    expect(await missing({}, { NODE_ENV: 'test' })).toEqual([])
  })
})

describe('variables', () => {
  test('stand in a file: the process wins, then the environment’s file, then .env', async () => {
    await using folder = await withFolder({
      'keyplan.yaml': `redis: { host: "\${A:-none}", username: "\${B:-none}", password: "\${C:-none}", db: "\${D:-3}" }`,
      '.env': 'A=env\nB=env\nC=env',
      '.env.staging': 'A=staging\nB=staging\nC=',
    })
    const { settings } = await load(folder.folder, {
      envFile: true,
      environment: 'staging',
      env: { A: 'process', D: '' },
    })
    expect(settings.target).toMatchObject({
      addresses: [{ host: 'process' }],
      access: { username: 'staging' },
      database: 3,
    })
    expect(await settings.target?.access.password?.()).toBe('env')
    const without = await load(folder.folder, { env: {} })
    expect(without.settings.target?.addresses).toEqual([{ host: 'none', port: 6379 }])
  })

  test('one that is not set is nothing, and warned of inside a text', async () => {
    await using folder = await withFolder({
      'keyplan.yaml': `redis: { url: "redis://:\${PASSWORD}@here", username: "\${USER_NAME}" }`,
    })
    const { settings, warnings } = await load(folder.folder)
    expect(settings.target).toMatchObject({
      addresses: [{ host: 'here', port: 6379 }],
      access: { username: undefined },
    })
    expect(settings.target?.access.password).toBe(undefined)
    expect(warnings).toEqual([expect.stringMatching(/^keyplan.yaml: redis.url is written with .*PASSWORD/)])
  })

  test('any character of a password survives in a URL', async () => {
    await using folder = await withFolder({ 'keyplan.yaml': `redis: { url: "redis://app:\${PASSWORD}@here/2" }` })
    for (const PASSWORD of ['p@:/#%?é', 'a%41', `\${B}`, 'q/8+Zt//2w==']) {
      const { settings } = await load(folder.folder, { env: { PASSWORD } })
      expect(settings.target).toMatchObject({ addresses: [{ host: 'here' }], database: 2 })
      expect(await settings.target?.access.password?.()).toBe(PASSWORD)
    }
  })

  test('the word false is false', async () => {
    await using folder = await withFolder({
      'keyplan.yaml': `redis: { address: a, tls: { enabled: "\${TLS:-false}" }, enabled: "no" }`,
    })
    expect((await load(folder.folder)).settings.target).toBe(undefined)
    await using on = await withFolder({ 'keyplan.yaml': 'redis: { address: a, tls: { enabled: "false" } }' })
    expect((await load(on.folder)).settings.target?.access.tls).toBe(undefined)
  })

  test('a named file of them has to be there', async () => {
    const { problems } = await refusal({}, { envFile: 'other.env' })
    expect(problems).toEqual([expect.stringMatching(/other\.env cannot be read: it is not there$/)])
  })
})

test('the environment wins over a file, options over both', async () => {
  await using folder = await withFolder({ 'keyplan.yaml': 'redis: { address: file, timeouts: { call: 1s } }' })
  const configuration = await load(folder.folder, { env: { REDIS_HOST: 'variable', REDIS_TIMEOUT: '2' } })
  expect(configuration.settings).toMatchObject({ target: { addresses: [{ host: 'variable' }] }, deadline: 2_000 })
  expect(configuration.resolve({ url: 'redis://option', deadline: '3s' })).toMatchObject({
    target: { addresses: [{ host: 'option' }] },
    deadline: 3_000,
  })
  writeFileSync(folder.path('keyplan.yaml'), 'redis: { address: file }')
  const options = { config: folder.path('keyplan.yaml'), deadline: '4s' } as const
  expect(await loadSettings(options, {})).toMatchObject({ target: { addresses: [{ host: 'file' }] }, deadline: 4_000 })
})

test('in production no server is an error, unless memory is written', async () => {
  const env = { NODE_ENV: 'production' }
  const { problems } = await refusal({ 'keyplan.yaml': 'redis: {}' }, { env })
  expect(problems).toEqual([expect.stringMatching(/^no server is configured/)])
  await using folder = await withFolder({ 'keyplan.yaml': 'memory: true' })
  expect((await load(folder.folder, { env })).settings.targets).toBe(undefined)
  await using none = await withFolder({ 'keyplan.yaml': 'redis: {}' })
  expect((await loadSettings({ config: none.path('keyplan.yaml'), memory: true }, env)).targets).toBe(undefined)
})

test('each setting is explained with its source', async () => {
  await using folder = await withFolder({
    'keyplan.yaml': `redis: { password: "\${P}" }\nenvironments: { staging: { redis: { pool: { min_idle: 3 } } } }`,
    '.env': 'REDIS_HOST=here\nP=secret',
  })
  const rows = explain(
    await load(folder.folder, { envFile: true, environment: 'staging', env: { REDIS_TIMEOUT: '7' } }),
  )
  const row = (setting: string) => rows.find(each => each.setting === setting)
  expect(row('redis.host')).toEqual({ setting: 'redis.host', value: 'here', source: 'REDIS_HOST (.env)' })
  expect(row('redis.timeouts.call')).toEqual({ setting: 'redis.timeouts.call', value: '7s', source: 'REDIS_TIMEOUT' })
  expect(row('redis.password')).toMatchObject({ value: '(secret)', source: 'keyplan.yaml: redis.password' })
  expect(row('redis.pool.min_idle')).toMatchObject({
    value: '3',
    source: 'keyplan.yaml: environments.staging.redis.pool.min_idle',
    note: expect.stringContaining('none has to be kept idle'),
  })
  expect(row('redis.backoff.max')).toEqual({ setting: 'redis.backoff.max', value: '2s', source: 'default' })
  expect(row('redis.username')).toBe(undefined)
})

test('the servers of a quorum are listed below servers, and an environment has its own', async () => {
  const list = (...hosts: string[]) => `servers: { quorum: [${hosts.join(', ')}] }`
  const yaml = `redis: { address: main }\n${list('a', 'b', 'c')}\nenvironments: { development: {}, staging: { ${list('d', 'e', 'f')} } }`
  await using folder = await withFolder({ 'keyplan.yaml': yaml })
  const hosts = async (environment: string) =>
    (await load(folder.folder, { environment })).settings.quorum?.map(({ addresses: [first] }) => first?.host)
  expect(await hosts('development')).toEqual(['a', 'b', 'c'])
  expect(await hosts('staging')).toEqual(['d', 'e', 'f'])
})
