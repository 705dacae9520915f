import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isKeyplanError, type KeyplanError } from '../../src/base/error.ts'
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
    [{ url: 'redis://one:1,two:2' }, /^url has a port outside/],
    [{ url: 'redis://one,two' }, /^url has no readable host/],
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
    [{ url, log: console }, /^log is an object; write a function/],
    [{ url, deadlin: '5s' }, /^deadlin is not an option; did you mean deadline\?/],
    [{ URL: url }, /^URL is not an option; did you mean url\?/],
    [{ url, host: 'here' }, /^host is not an option$/],
  ])('%j', (options, problem) => {
    const { message, problems } = refusal(options)
    expect(problems).toEqual([expect.stringMatching(problem)])
    expect(message).toBe(`cannot connect: ${problems[0]}`)
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
  expect(inspect(error, { showHidden: true })).not.toContain(canary)
})

test('a bad REDIS_URL is named, and an empty one counts as unset', () => {
  expect(refusal({}, { REDIS_URL: `redis://:${canary}@here:x` }).message).toBe(
    'cannot connect: REDIS_URL has a port outside 1 to 65535',
  )
  for (const REDIS_URL of ['', '  ']) {
    expect(resolveSettings({}, { REDIS_URL }).server).toBe(undefined)
    expect(resolveSettings({ url: '' }, { REDIS_URL }).server).toBe(undefined)
    expect(refusal({}, { REDIS_URL, NODE_ENV: 'production' }).message).toMatch(/no server is configured/)
  }
  expect(resolveSettings({ url: '' }, { REDIS_URL: url }).server).toMatchObject({ port: 7000 })
  expect(resolveSettings({ url }, { REDIS_URL: 'redis://other' }).server).toMatchObject({ port: 7000 })
})

test('production without a server has to be asked for', () => {
  const env = { NODE_ENV: 'production' }
  expect(refusal({}, env).problems.length).toBe(1)
  expect(refusal({ memory: false }, env).problems.length).toBe(1)
  expect(resolveSettings({ memory: true }, { ...env, REDIS_URL: url }).server).toBe(undefined)
  expect(resolveSettings({ url }, env).server).toMatchObject({ port: 7000 })
})

test('defaults, and what replaces them', async () => {
  expect(resolveSettings({ url }, {})).toEqual({
    server: { tls: false, host: '127.0.0.1', port: 7000, tlsOptions: undefined },
    password: undefined,
    prefix: undefined,
    start: 'optional',
    connectTimeout: 5_000,
    attempt: 1_000,
    deadline: 5_000,
    stall: 1_000,
    pingEvery: 3_000,
    backoff: { min: 50, max: 2_000 },
    breaker: { failures: 5, successes: 2, probeEvery: 30_000 },
    waiting: { calls: 1_000, bytes: 16 * 1024 * 1024 },
  })
  const settings = resolveSettings({ url: 'rediss://:inUrl@here', password: () => 'given', deadline: '10s' }, {})
  expect(settings).toMatchObject({ deadline: 10_000, server: { host: 'here', port: 6379, tlsOptions: {} } })
  expect(await settings.password?.()).toBe('given')
  expect(await resolveSettings({ url: 'redis://:inUrl@here', password: '' }, {}).password?.()).toBe('inUrl')
})
