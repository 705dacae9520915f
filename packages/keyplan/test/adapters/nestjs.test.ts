import 'reflect-metadata'
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager'
import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common'
import { APP_GUARD, NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { SkipThrottle, Throttle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler'
import type { Cache } from 'cache-manager'
import { Keyv } from 'keyv'
import { expect, test } from 'vitest'
import { rateLimited } from '../../src/adapters/fastify.ts'
import type { Limits } from '../../src/adapters/hits.ts'
import { keyvStore } from '../../src/adapters/keyv.ts'
import { clientProvider, Locked, throttlerStorage } from '../../src/adapters/nestjs.ts'
import { connect } from '../../src/client/index.ts'
import { isKeyplanError } from '../../src/index.ts'
import { limitedServer, plan } from './limited-server.ts'

const setup = limitedServer()

/** What a compiler makes of decorators, for whose syntax this repository has no use. */
function decorate(target: object, name: string, ...decorators: MethodDecorator[]): void {
  for (const decorator of decorators.reverse()) {
    const descriptor = Object.getOwnPropertyDescriptor(target, name)!
    Object.defineProperty(target, name, decorator(target, name, descriptor) ?? descriptor)
  }
}

/** The platform that Nest stands on; without one, Express. */
type Platform = (() => FastifyAdapter) | undefined

async function serve(limits: Limits, ttl = 3_600_000, platform: Platform = undefined) {
  class Pages {
    index() {
      return 'hello'
    }
    login() {
      return 'hello'
    }
    free() {
      return 'hello'
    }
  }
  decorate(Pages.prototype, 'index', Get('/'))
  decorate(Pages.prototype, 'login', Get('/login'), Throttle({ default: { limit: 1, ttl: 60_000 } }))
  decorate(Pages.prototype, 'free', Get('/free'), SkipThrottle())
  Controller()(Pages)
  class Application {}
  Module({
    imports: [ThrottlerModule.forRoot({ throttlers: [{ limit: 3, ttl }], storage: throttlerStorage(limits) })],
    controllers: [Pages],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })(Application)
  const options = { logger: false, abortOnError: false, forceCloseConnections: true } as const
  const app = await (platform
    ? NestFactory.create(Application, platform(), options)
    : NestFactory.create(Application, options))
  await app.listen(0, '127.0.0.1')
  const ask = setup.asking({ url: `${await app.getUrl()}/`, close: () => app.close() })
  return { ask, status: async (path = '') => (await ask(path)).status }
}

test.each<[string, Platform]>([
  ['Express', undefined],
  ['Fastify', () => new FastifyAdapter()],
])(
  'on %s @nestjs/throttler counts for all processes, and handlers with figures of their own apart',
  async (_, platform) => {
    const { api, login } = setup.redis
    const [one, other] = [
      await serve([api, login], undefined, platform),
      await serve([api, login], undefined, platform),
    ]
    const { headers } = await one.ask()
    expect([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual(['3', '2'])
    expect([await other.status(), await one.status(), await other.status()]).toEqual([200, 200, 429])
    expect([await one.status('login'), await other.status('login')]).toEqual([200, 429])
    expect(Number((await one.ask('')).headers.get('retry-after'))).toBeGreaterThan(3_000)
    for (const _ of [1, 2, 3, 4]) expect(await one.status('free')).toBe(200)
  },
)

test('on Fastify the hooks of Fastify stand in front of all of Nest', async () => {
  const { redis } = setup
  const platform = () => {
    const adapter = new FastifyAdapter()
    adapter.getInstance().addHook('onRequest', rateLimited(redis.api, { params: (_, client) => ({ key: client }) }))
    return adapter
  }
  const { ask } = await serve([redis.api, redis.login], undefined, platform)
  const answers = [await ask('free'), await ask('free'), await ask('free'), await ask('free')]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
  expect(answers[0]!.headers.get('ratelimit')).toBe('"default";r=2;t=3600')
})

test('a throttler that the plan does not have, or not with its block, is an error', async () => {
  const storage = throttlerStorage([setup.redis.api, setup.redis.login])
  await expect(storage.increment('a', 5_000, 3, 5_000, 'default')).rejects.toMatchObject({ code: 'PLAN_INVALID' })
  await expect(storage.increment('a', 3_600_000, 3, 60_000, 'default')).rejects.toMatchObject({ code: 'PLAN_INVALID' })
  const blocking = throttlerStorage([setup.redis.api, setup.redis.blocking])
  const answers = [1, 2, 3, 4].map(() => blocking.increment('a', 3_600_000, 3, 60_000, 'default'))
  expect((await Promise.all(answers)).at(-1)).toMatchObject({ totalHits: 4, isBlocked: true, timeToBlockExpire: 60 })
  expect(await storage.increment('a', 3_600_000, 3, 0, 'default')).toMatchObject({ totalHits: 1, isBlocked: false })
})

test('while Redis is down whenDown answers, and afterwards the count goes on', async () => {
  const [lenient, strict] = [await serve(setup.redis.api), await serve(setup.redis.denied, 7_200_000)]
  expect([await lenient.status(), await strict.status()]).toEqual([200, 200])
  await setup.kill()
  for (const _ of [1, 2, 3, 4, 5]) expect([await lenient.status(), await strict.status()]).toEqual([200, 429])
  await setup.restart()
  expect([await lenient.status(), await strict.status()]).toEqual([200, 200])
})

type Redis = typeof setup.redis

class Reports {
  static readonly redis = Symbol('redis')
  readonly redis: Redis
  readonly pages: Cache
  running = 0
  most = 0
  constructor(redis: Redis, pages: Cache) {
    this.redis = redis
    this.pages = pages
  }
  async build(id: string, work: () => Promise<unknown>) {
    this.running++
    this.most = Math.max(this.most, this.running)
    await work()
    this.running--
    return `report ${id}`
  }
}
Injectable()(Reports)
Inject(Reports.redis)(Reports, undefined, 0)
Inject(CACHE_MANAGER)(Reports, undefined, 1)
const told = Symbol('told by another decorator')
decorate(
  Reports.prototype,
  'build',
  Locked((self: Reports, id: string) => self.redis.reports({ id }), { wait: '10s' }) as MethodDecorator,
  (_target, _name, descriptor) => Reflect.defineMetadata(told, 'yes', descriptor.value!),
)

test('a client is provided, a cache over it, and a method runs under its lock; all of it ends with the application', async () => {
  const clients: Redis[] = []
  const open = async () => {
    clients.push(
      await connect(plan, { url: setup.redis.$status.server && `redis://${setup.redis.$status.server}`, log: false }),
    )
    return clients[0]!
  }
  class Store {}
  Module({ providers: [clientProvider(Reports.redis, open)], exports: [Reports.redis] })(Store)
  class Application {}
  Module({
    imports: [
      CacheModule.registerAsync({
        imports: [Store],
        inject: [Reports.redis],
        useFactory: (redis: Redis) => ({ stores: [new Keyv({ store: keyvStore(redis.texts) })] }),
      }),
      Store,
    ],
    providers: [Reports],
  })(Application)
  const app = await NestFactory.createApplicationContext(Application, { logger: false, abortOnError: false })
  const reports = app.get(Reports)
  expect(reports.redis.$status.state).toBe('connected')

  await reports.pages.set('page', { n: 1 }, 60_000)
  expect(await reports.pages.get('page')).toEqual({ n: 1 })
  const kept: object[] = []
  for await (const params of setup.redis.texts.keys()) kept.push(params)
  expect(kept).toHaveLength(1)

  const builds = ['a', 'a', 'a'].map(id => reports.build(id, () => new Promise(resolve => setTimeout(resolve, 20))))
  expect(await Promise.all(builds)).toEqual(['report a', 'report a', 'report a'])
  expect(reports.most).toBe(1)
  await setup.redis.reports({ id: 'b' }).run(async () => {
    expect(await setup.redis.reports({ id: 'b' }).isLocked()).toBe(true)
    expect(await reports.build('c', async () => {})).toBe('report c')
  })
  expect([reports.build.name, Reflect.getMetadata(told, reports.build)]).toEqual(['build', 'yes'])

  await app.close()
  expect(clients.map(({ $status }) => $status.state)).toEqual(['closed'])
})

test('a standard decorator runs under the lock as well, and LOCK_BUSY reaches who calls', async () => {
  const lockOf = () => setup.redis.reports({ id: 'a' })
  const work = Locked(lockOf, { wait: '10ms' })(async () => 'done', { kind: 'method' })
  expect(await work()).toBe('done')
  await lockOf().run(async () => {
    await expect(work()).rejects.toSatisfy(error => isKeyplanError(error, 'LOCK_BUSY'))
  })
  expect(() => (Locked as (given: unknown) => unknown)('lock')).toThrow('Locked() was given a string')
  expect(() => (Locked(lockOf) as (...given: unknown[]) => unknown)({}, 'field', undefined)).toThrow('methods alone')
})
