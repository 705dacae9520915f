import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isKeyplanError } from '../../src/base/error.ts'
import { explain, loadConfiguration } from '../../src/config/file/configuration.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { withFolder } from './folder.ts'

const canary = 'p@:/#%?é'
/** As it is, as a URL and as base64 would have it, and as JSON would. */
const disguises = [
  canary,
  encodeURIComponent(canary),
  Buffer.from(canary).toString('base64'),
  Buffer.from(canary).toString('hex'),
  JSON.stringify(canary).slice(1, -1),
]

/** Everything somebody may print of a thing. */
function printed(thing: unknown): string {
  const shown = [inspect(thing, { depth: null, showHidden: true, getters: true }), JSON.stringify(thing) ?? '']
  if (isKeyplanError(thing)) shown.push(thing.message, thing.stack ?? '', String(thing), ...thing.problems)
  return shown.join('\n')
}

function keepsQuiet(thing: unknown): void {
  const text = printed(thing)
  for (const disguise of disguises) expect(text).not.toContain(disguise)
}

async function outcomeOf(work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    return error
  }
}

describe('what is accepted does not print the password', () => {
  test.each<[ConnectOptions, NodeJS.ProcessEnv]>([
    [{ url: `redis://app:${canary}@here` }, {}],
    [{ url: `redis://app:${encodeURIComponent(canary)}@here` }, {}],
    [{ url: 'redis://here', password: canary }, {}],
    [{}, { REDIS_URL: `redis://:${canary}@here`, REDIS_PASSWORD: 'another' }],
    [{}, { REDIS_URI: `rediss://app:${canary}@one,two?sentinelMasterId=m`, REDIS_SENTINEL_PASSWORD: canary }],
    [{}, { REDIS_HOST: 'here', REDIS_PASSWORD: canary, NODE_ENV: 'production' }],
    [{}, { REDIS_URL: `redis://:${canary}@here`, REDIS_READ_REPLICA_URLS: `redis://:${canary}@there` }],
    [{ sentinel: { master: 'm', addresses: ['a'], password: canary } }, {}],
    [{ servers: { cache: { url: `redis://:${canary}@a` }, durable: { url: 'redis://b', password: canary } } }, {}],
    [{ url: 'rediss://here', tls: { passphrase: canary, key: canary } }, {}],
  ])('%#', (options, env) => {
    const settings = resolveSettings(options, env)
    expect(settings.targets).toBeDefined()
    keepsQuiet(settings)
  })

  test('and it is still there for who asks', async () => {
    const { target } = resolveSettings(
      { url: 'rediss://here', tls: { passphrase: canary } },
      { REDIS_PASSWORD: canary },
    )
    expect({ ...target?.access.tls }.passphrase).toBe(canary)
  })
})

describe('what is refused does not either', () => {
  test.each<[object, NodeJS.ProcessEnv]>([
    [{ url: `redis://:${canary}@here:port` }, {}],
    [{ url: `redis://:${canary}@a,b` }, {}],
    [{ url: canary }, {}],
    [{ url: 'redis://here', password: [canary] }, {}],
    [{ url: 'redis://here', deadline: canary, start: canary, replicas: canary, natMap: canary }, {}],
    [{ url: 'redis://here', tls: canary, pool: canary, prefix: [canary], features: canary }, {}],
    [{ servers: { cache: { url: `redis://:${canary}@here:x` } } }, {}],
    [{}, { REDIS_URL: `http://:${canary}@here` }],
    [{}, { REDIS_HOST: 'here', REDIS_PORT: canary, REDIS_DB: canary, REDIS_POOL_SIZE: canary, REDIS_SSL: canary }],
    [{}, { REDIS_URL: 'redis://here', REDIS_TIMEOUT: canary, REDIS_MAX_MEMORY: canary, REDIS_SSL_CERT_REQS: canary }],
    [{}, { REDIS_URL: 'rediss://here', REDIS_TLS_CA_FILE: canary, REDIS_PASSWORD_FILE: canary }],
    [{}, { REDIS_URL: 'redis://here', REDIS_READ_REPLICA_URLS: `redis://:${canary}@there` }],
    [{}, { REDIS_CLUSTER_NODES: `redis://:${canary}@there:x` }],
  ])('%#', async (options, env) => {
    const error = await outcomeOf(() => resolveSettings(options as ConnectOptions, env))
    expect(isKeyplanError(error, 'CONFIG_INVALID')).toBe(true)
    keepsQuiet(error)
  })
})

describe('nor does a file', () => {
  const quoted = JSON.stringify(canary)
  test.each<[Record<string, string>, boolean]>([
    [{ 'keyplan.yaml': `redis: { address: here, password: ${quoted} }` }, true],
    [{ 'keyplan.yaml': `redis: { url: "redis://:${canary}@here" }` }, true],
    [{ 'keyplan.yaml': `redis: { url: "redis://:\${P}@here", password: "\${P}" }`, '.env': `P='${canary}'` }, true],
    [
      {
        'keyplan.yaml': `redis: { address: a, acl: { enabled: true, users: [{ name: app, password: ${quoted}, keys: ["*"] }] } }`,
      },
      true,
    ],
    [{ 'keyplan.yaml': `redis: { elasticache: { enabled: true, endpoint: e, auth_token: ${quoted} } }` }, true],
    [{ '.env': `REDIS_URL=redis://:${canary}@here` }, true],
    [{ 'keyplan.json': `{ "redis": { "password": ${quoted} ` }, false],
    [{ 'keyplan.yaml': `redis: { password: ${quoted}` }, false],
    [{ 'keyplan.yaml': `redis: ${quoted}` }, false],
    [{ 'keyplan.yaml': `redis: { address: here, port: ${quoted}, db: ${quoted}, tls: ${quoted} }` }, false],
    [{ 'keyplan.yaml': `redis: { url: "redis://:${canary}@a:1,b:2" }` }, false],
    [{ 'keyplan.mjs': `throw new Error(${quoted})` }, false],
    [{ '.env': canary }, false],
  ])('%#', async (files, accepted) => {
    await using folder = await withFolder(files)
    const outcome = await outcomeOf(() => loadConfiguration({ folder: folder.folder, envFile: true, env: {} }))
    expect(isKeyplanError(outcome, 'CONFIG_INVALID')).toBe(!accepted)
    keepsQuiet(outcome)
    if (accepted) keepsQuiet(explain(outcome as Awaited<ReturnType<typeof loadConfiguration>>))
  })
})
