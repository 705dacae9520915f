import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Duration, durationMs } from '../../src/base/duration.ts'
import { isKeyplanError, type KeyplanError } from '../../src/base/error.ts'
import { type Size, sizeBytes } from '../../src/base/size.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { resolveSettings } from '../../src/config/settings.ts'

const canary = 'cAnary-s3cret'
const url = 'redis://127.0.0.1:7000'

function refusal(options: unknown, env: NodeJS.ProcessEnv = {}): KeyplanError {
  try {
    resolveSettings(options as ConnectOptions, env)
  } catch (error) {
    if (isKeyplanError(error, 'CONFIG_INVALID')) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('each of these is refused by its name, the kind of its value and what to write instead', () => {
  test.each<[unknown, RegExp]>([
    [{ url: 42 }, /^url is a number; write a URL such as/],
    [{ url: null }, /^url is null/],
    [{ url: 'http://here' }, /^url does not begin with redis:\/\//],
    [{ url: 'redis://here:70000' }, /^url has a port outside 1 to 65535/],
    [{ url: 'redis://here:0' }, /^url has a port outside/],
    [{ url: 'redis://here:abc' }, /^url has a port outside/],
    [{ url: 'redis://one:1,two:2' }, /^url names several hosts: if they are Sentinels, add \?sentinelMasterId=/],
    [{ url: 'redis://one,two' }, /^url names several hosts: .* Cluster, list them in cluster.addresses/],
    [{ url: 'redis://here/zero' }, /^url has a database that is not a number/],
    [{ url: 'redis://here?db=zero' }, /^url has a database that is not a number/],
    [{ url: 'unix://relative/path' }, /^url names no absolute socket path/],
    [{ url, password: 1234 }, /^password is a number; write the password, or a function/],
    [{ url, tls: true }, /^tls is a boolean/],
    [{ url, prefix: 5 }, /^prefix is a number/],
    [{ url, start: 'later' }, /^start is a string; write 'optional' or 'required'/],
    [{ memory: 'false' }, /^memory is a string; write true or false/],
    [{ url, memory: true }, /^url names a server and memory asks for none/],
    [{ url, attempt: 1000 }, /^attempt is a number; write a length of time such as/],
    [{ url, attempt: null }, /^attempt is null/],
    [{ url, deadline: '5 seconds' }, /^deadline is a string/],
    [{ url, deadline: '-5s' }, /^deadline is a string/],
    [{ url, stall: '' }, /^stall is an empty string/],
    [{ url, pingEvery: '0s' }, /^pingEvery is 0s; it must lie between/],
    [{ url, connectTimeout: Number.NaN }, /^connectTimeout is NaN/],
    [{ url, backoff: '1s' }, /^backoff is a string; write an object with min, max/],
    [{ url, backoff: { min: '10s', max: '1s' } }, /^backoff.min is longer than backoff.max/],
    [{ url, backoff: { minimum: '1s' } }, /^backoff.minimum is not an option/],
    [{ url, breaker: { failures: -1 } }, /^breaker.failures is -1; write a whole number from 1 up/],
    [{ url, breaker: { successes: 1.5 } }, /^breaker.successes is 1.5/],
    [{ url, breaker: { failures: '5' } }, /^breaker.failures is a string/],
    [{ url, waiting: { calls: Number.POSITIVE_INFINITY } }, /^waiting.calls is Infinity/],
    [{ url, waiting: { bytes: 1_000 } }, /^waiting.bytes is a number; write a size/],
    [{ url, waiting: { cals: 5 } }, /^waiting.cals is not an option; did you mean waiting.calls\?/],
    [{ url, breaker: { failures: Number.NaN } }, /^breaker.failures is NaN/],
    [{ url, waiting: { calls: -1 } }, /^waiting.calls is -1; write a whole number from 0 up/],
    [{ url, pool: 0 }, /^pool is 0; write a whole number from 1 up/],
    [{ url, readFrom: 'replica' }, /^readFrom is a string; write 'master', 'nearest' or 'any'/],
    [{ url, replicas: 'other:1' }, /^replicas is a string; write a list/],
    [{ url, replicas: ['other:x'] }, /^replicas\[0\] has a port outside/],
    [{ url, natMap: { here: 1 } }, /^natMap is an object; write an object of texts/],
    [{ url, tls: { rejectUnauthorized: false } }, /^tls.rejectUnauthorized .* write tls.insecureSkipVerify: true/],
    [{ url, servers: { hot: {} } }, /^servers.hot is not an option/],
    [
      { url, servers: { cache: { urll: url } } },
      /^servers.cache.urll is not an option; did you mean servers.cache.url\?/,
    ],
    [{ url, servers: { cache: 'here' } }, /^servers.cache is a string; write an object/],
    [{ servers: { cache: { url } } }, /^no server is configured for the role durable/],
    [{ sentinel: { addresses: ['one:1'] } }, /^redis.sentinel.master_name is not set, and sentinel.addresses needs it/],
    [
      { sentinel: { master: 'main', addresses: ['a'], usernam: 'b' } },
      /^sentinel.usernam is not an option; did you mean sentinel.username/,
    ],
    [{ sentinel: { master: 'main' } }, /^sentinel has no addresses; write a list/],
    [{ cluster: {} }, /^cluster has no addresses; write a list/],
    [{ cluster: { addresses: [] } }, /^cluster.addresses is an empty list/],
    [
      { sentinel: { master: 'main', addresses: ['s:1'] }, cluster: { addresses: ['c:1'] } },
      /^sentinel.addresses and cluster.addresses are given at once/,
    ],
    [{ url, features: { cache: 'off' } }, /^features.cache is a string; write true or false/],
    [{ url, features: { caches: false } }, /^features.caches is not an option; did you mean features.cache\?/],
    [{ url, config: '' }, /^config is an empty string; write the path of a file, or true/],
    [{ url, envFile: 1 }, /^envFile is a number; write the path of a file, or true/],
    [{ url, log: console }, /^log is an object; write a function/],
    [{ url, deadlin: '5s' }, /^deadlin is not an option; did you mean deadline\?/],
    [{ URL: url }, /^URL is not an option; did you mean url\?/],
    [{ url, host: 'here' }, /^host is not an option; there are (?=url, password, )(?!.*servers.*servers)/],
  ])('%j', (options, problem) => {
    const { message, problems } = refusal(options)
    expect(problems).toEqual([expect.stringMatching(problem)])
    expect(message).toBe(`cannot connect: ${problems[0]}`)
  })

  test('several, in a list of one a line', () => {
    const { message, problems } = refusal({ url: 42, memory: 'no', attempt: '5' })
    expect(problems.length).toBe(3)
    expect(message).toBe(`cannot connect:\n- ${problems.join('\n- ')}`)
  })

  test.each([['redis://here:6379'], [null]])('%j in place of the options', options => {
    expect(refusal(options).message).toMatch(/^options is (a string|null); write an object/)
  })
})

test('all problems come in one report, and no secret with them', () => {
  const error = refusal({
    url: `redis://user:${canary}@here:70000`,
    password: [canary],
    start: canary,
    attempt: canary,
    breaker: { failures: 0, probes: canary },
    timeout: canary,
  })
  expect(error.problems.length).toBe(7)
  expect(error.exitCode).toBe(78)
  expect(inspect(error, { showHidden: true })).not.toContain(canary)
})

test('a bad REDIS_URL is named, and an empty one counts as unset', () => {
  expect(refusal({}, { REDIS_URL: `redis://:${canary}@here:x` }).message).toBe(
    'cannot connect: REDIS_URL has a port outside 1 to 65535',
  )
  for (const REDIS_URL of ['', '  ']) {
    expect(resolveSettings({}, { REDIS_URL }).target).toBe(undefined)
    expect(resolveSettings({ url: '' }, { REDIS_URL }).target).toBe(undefined)
    expect(refusal({}, { REDIS_URL, NODE_ENV: 'production' }).message).toMatch(/no server is configured/)
  }
  expect(resolveSettings({ url: '' }, { REDIS_URL: url }).target?.addresses).toEqual([
    { host: '127.0.0.1', port: 7000 },
  ])
  expect(resolveSettings({ url }, { REDIS_URL: 'redis://other' }).target?.addresses).toEqual([
    { host: '127.0.0.1', port: 7000 },
  ])
})

test('production without a server has to be asked for', () => {
  const env = { NODE_ENV: 'production' }
  expect(refusal({}, env).problems.length).toBe(1)
  expect(refusal({ memory: false }, env).problems.length).toBe(1)
  expect(resolveSettings({ memory: true }, { ...env, REDIS_URL: url }).target).toBe(undefined)
  expect(resolveSettings({ url }, env).target?.addresses).toEqual([{ host: '127.0.0.1', port: 7000 }])
})

test('a start that requires Redis is refused where no server is named, and memory that is asked for is not', () => {
  for (const options of [{}, { url: undefined }, { memory: false }] as ConnectOptions[]) {
    const { message } = refusal({ ...options, start: 'required' })
    expect(message).toMatch(/^cannot connect: no server is configured, and start asks for one: set url or REDIS_URL/)
  }
  const required = { start: 'required' } as const
  expect(resolveSettings({ ...required, memory: true }, {}).target).toBe(undefined)
  expect(resolveSettings(required, { ENABLE_REDIS: 'false' }).target).toBe(undefined)
  expect(resolveSettings({ ...required, url: undefined }, { REDIS_URL: url }).start).toBe('required')
})

test('defaults, and what replaces them', async () => {
  const { explained, serverConfiguration, target, targets, ...settings } = resolveSettings({ url }, {})
  expect(settings).toEqual({
    environment: 'development',
    prefix: undefined,
    start: 'optional',
    connectTimeout: 5_000,
    attempt: 1_000,
    deadline: 5_000,
    stall: 1_000,
    pingEvery: 3_000,
    backoff: { min: 50, max: 2_000 },
    retry: { attempts: undefined, delay: 25 },
    breaker: { failures: 5, successes: 2, probeEvery: 30_000 },
    waiting: { calls: 1_000, bytes: 16 * 1024 * 1024 },
    inFlight: 10_000,
    flush: 100,
    healthInterval: 30_000,
    features: { cache: true, rateLimit: true, channel: true, session: true },
    warnings: [],
  })
  expect(target).toEqual({
    topology: 'standalone',
    addresses: [{ host: '127.0.0.1', port: 7000 }],
    replicas: [],
    access: { username: undefined, password: undefined, tls: undefined },
    sentinel: undefined,
    maxRedirects: 16,
    readFrom: 'any',
    natMap: {},
    database: 0,
    pool: 1,
    maxConnections: undefined,
  })
  expect(targets?.cache).toBe(target)
  expect(targets?.durable).toBe(target)
  expect(Object.values(serverConfiguration).filter(value => value !== undefined)).toEqual([])
  expect(explained).toContainEqual({ setting: 'redis.url', value: 'redis://127.0.0.1:7000', source: 'url' })
})

test('what each default of the table says is what counts when nothing is written', () => {
  const { explained, ...settings } = resolveSettings({ url }, {})
  const defaults = new Map(explained.filter(row => row.source === 'default').map(row => [row.setting, row.value]))
  const seconds = (path: string) => durationMs(defaults.get(path) as Duration)
  expect(seconds('redis.timeouts.connect')).toBe(settings.connectTimeout)
  expect(seconds('redis.timeouts.call')).toBe(settings.deadline)
  expect(seconds('redis.timeouts.attempt')).toBe(settings.attempt)
  expect(seconds('redis.timeouts.stall')).toBe(settings.stall)
  expect(seconds('redis.timeouts.ping_every')).toBe(settings.pingEvery)
  expect(seconds('redis.health.interval')).toBe(settings.healthInterval)
  expect(seconds('redis.backoff.min')).toBe(settings.backoff.min)
  expect(seconds('redis.backoff.max')).toBe(settings.backoff.max)
  expect(seconds('redis.pool.retry_backoff')).toBe(settings.retry.delay)
  expect(seconds('redis.circuit_breaker.timeout')).toBe(settings.breaker.probeEvery)
  expect(Number(defaults.get('redis.circuit_breaker.failure_threshold'))).toBe(settings.breaker.failures)
  expect(Number(defaults.get('redis.circuit_breaker.success_threshold'))).toBe(settings.breaker.successes)
  expect(Number(defaults.get('redis.pipeline.max_commands'))).toBe(settings.flush)
  expect(Number(defaults.get('redis.waiting.calls'))).toBe(settings.waiting.calls)
  expect(sizeBytes(defaults.get('redis.waiting.bytes') as Size)).toBe(settings.waiting.bytes)
  expect(Number(defaults.get('redis.cluster.options.max_redirects'))).toBe(settings.target?.maxRedirects)
})

test('options win', async () => {
  const settings = resolveSettings({ url: 'rediss://:inUrl@here', password: () => 'given', deadline: '10s' }, {})
  expect(settings.deadline).toBe(10_000)
  expect(settings.target?.addresses).toEqual([{ host: 'here', port: 6379 }])
  expect(settings.target?.access.tls).toMatchObject({ minVersion: 'TLSv1.2' })
  expect(await settings.target?.access.password?.()).toBe('given')
  expect(await resolveSettings({ url: 'redis://:inUrl@here', password: '' }, {}).target?.access.password?.()).toBe(
    'inUrl',
  )
})

test('a try is never longer than the deadline, unless that is asked for', () => {
  expect(resolveSettings({ url, deadline: '300ms' }, {}).attempt).toBe(300)
  expect(resolveSettings({ url, deadline: '300ms', attempt: '2s' }, {}).attempt).toBe(2_000)
})

test('an empty prefix is one that was written', () => {
  expect(resolveSettings({ url, prefix: '' }, { REDIS_KEY_PREFIX: 'app:' }).prefix).toBe('')
  expect(resolveSettings({ url }, { REDIS_KEY_PREFIX: 'app:' }).prefix).toBe('app:')
})
