import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RedisProcess, type RespConnection, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { connect } from '../../src/client/connect.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { cache } from '../../src/kinds/cache/contract.ts'
import { type CacheFigures, createCounting, figuresOf } from '../../src/kinds/cache/figures.ts'
import type { Notice } from '../../src/kinds/kind.ts'
import { definePlan } from '../../src/plan/define.ts'
import { type Cache, type CacheHarness, declared, type Options } from '../conformance/cache.ts'

/** A client of its own, as a process would have it. */
export interface RedisCacheClient {
  readonly cache: Cache
  readonly notices: Notice[]
  readonly state: () => string
  readonly figures: () => CacheFigures
  /** Resolves when the link is back after it was lost. */
  reconnected(): Promise<void>
  close(): Promise<void>
}

export async function openClient(
  port: number,
  options: Partial<Options> = {},
  terms: ConnectOptions = {},
): Promise<RedisCacheClient> {
  const plan = definePlan('caches', { values: cache('value:<id>', { ...declared, ...options }) })
  const client = await connect(plan, {
    url: `redis://127.0.0.1:${port}`,
    backoff: { min: '10ms', max: '50ms' },
    log: () => {},
    ...terms,
  })
  const notices: Notice[] = []
  client.$on('notice', notice => void notices.push(notice))
  return {
    cache: client.values,
    notices,
    state: () => client.$status.state,
    figures: () => client.$stats().namespaces.values?.cache ?? figuresOf(createCounting()),
    reconnected: () => new Promise(resolve => client.$on('connected', () => resolve())),
    close: () => client.$close(),
  }
}

/** Clients over a real server, emptied before. */
export async function redisHarness(port: number): Promise<CacheHarness & { readonly ask: RespConnection['ask'] }> {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  await plain.ask('CONFIG', 'RESETSTAT')
  const clients: RedisCacheClient[] = []
  return {
    ask: plain.ask,
    async client(options) {
      const client = await openClient(port, options)
      clients.push(client)
      return client.cache
    },
    async plant(id, stored) {
      await plain.ask('SET', `value:${id}`, stored)
    },
    advance: ms => sleep(ms),
    async close() {
      for (const client of clients) await client.close()
      plain.close()
    },
  }
}

/** A server of a test file's own, running and empty before each test, and clients that are closed after it. */
export function cacheServer(defaults: Partial<Options> = {}, terms: ConnectOptions = {}) {
  let server: RedisProcess
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.cleanUp())
  beforeEach(async () => {
    if (!server.running) await server.restart()
    await server.ask('FLUSHALL')
  })
  return {
    get server() {
      return server
    },
    ask: (...words: readonly string[]) => server.ask(...words),
    async opened(options: Partial<Options> = {}, more: ConnectOptions = {}): Promise<RedisCacheClient> {
      const client = await openClient(server.port, { ...defaults, ...options }, { ...terms, ...more })
      onTestFinished(client.close)
      return client
    },
  }
}
