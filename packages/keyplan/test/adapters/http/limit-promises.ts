import { beforeEach, describe, expect, test } from 'vitest'
import type { HttpLimitOptions, OpenLimit } from '../../../src/adapters/http/limit-options.ts'
import { definePlan, rateLimit } from '../../../src/index.ts'
import { killableServer } from '../../killable-server.ts'
import { until } from '../../live-server.ts'
import type { Served } from './listening.ts'

export const limits = definePlan('limits', {
  api: rateLimit('api:<client>', { limit: 3, window: '1h' }),
  user: rateLimit('user:<user>', { limit: 2, window: '1m', algorithm: 'sliding-window' }),
  bucket: rateLimit('bucket:<client>', { limit: 60, window: '1m', algorithm: 'token-bucket', burst: 5 }),
  denied: rateLimit('denied:<client>', { limit: 3, window: '1h', whenDown: 'deny' }),
  counted: rateLimit('counted:<client>', { limit: 4, window: '1h', whenDown: 'memory', instances: 2 }),
  several: rateLimit('several:<client>', {
    limits: [
      { limit: 2, window: '10m' },
      { limit: 60, window: '1d', algorithm: 'gcra', burst: 9 },
    ],
    tiers: { pro: { limit: [4, 60] } },
  }),
  pair: rateLimit('pair:<a>:<b>', { limit: 3, window: '1h' }),
})

export interface ServedLimit<Request> {
  /** One, or several as they are written in a list. */
  readonly namespace: OpenLimit<never> | readonly unknown[]
  readonly options?: HttpLimitOptions<Request, never>
}

/** How a framework is asked for the header of a request, and made to serve. */
export interface Framework<Request> {
  readonly name: string
  header(request: Request, name: string): string | undefined
  /**
   * Listens on loopback: the limits one after the other, behind them an application that answers `hello`, with the status
   * that the header `x-status` asks for.
   */
  serve(limits: readonly ServedLimit<Request>[], application: () => void): Promise<Served>
}

/** What a limit promises in front of any framework. */
export function limitPromises<Request>({ name, header, serve }: Framework<Request>): void {
  describe(`rateLimited for ${name}`, () => {
    const setup = killableServer(limits)
    let reached: number
    let broken: boolean
    beforeEach(() => {
      reached = 0
      broken = false
    })

    function application(): void {
      reached++
      if (broken) throw new Error('broken')
    }

    /** Gives a way to ask the application behind limits. */
    async function served(...list: ServedLimit<Request>[]) {
      const { url } = setup.closing(await serve(list, application))
      return (headers: Record<string, string> = {}) => fetch(url, { headers })
    }

    const told = (response: Response) =>
      Object.fromEntries([...response.headers].filter(([name]) => /ratelimit|retry-after/.test(name)))

    test('what is within the limit passes and is told what remains; what is above is refused', async () => {
      const ask = await served({ namespace: setup.redis.api })
      for (const remaining of [2, 1, 0]) {
        const response = await ask()
        expect(response.status).toBe(200)
        expect(await response.text()).toBe('hello')
        expect(told(response)).toEqual({
          ratelimit: expect.stringMatching(new RegExp(`^"default";r=${remaining};t=3\\d{3}$`)),
          'ratelimit-policy': '"default";q=3;w=3600',
        })
      }
      const response = await ask()
      expect(response.status).toBe(429)
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(await response.json()).toMatchObject({ status: 429, 'violated-policies': ['default'] })
      expect(told(response)).toMatchObject({
        ratelimit: expect.stringMatching(/^"default";r=0;t=3\d{3}$/),
        'retry-after': expect.stringMatching(/^3\d{3}$/),
      })
      expect(reached).toBe(3)
    })

    test('an application that fails is told of all the same, by every limit in front of it', async () => {
      const other = { namespace: setup.redis.bucket, options: { name: 'bucket' } }
      const ask = await served({ namespace: setup.redis.api }, other)
      broken = true
      const response = await ask()
      expect(response.status).toBe(500)
      expect(told(response)).toEqual({
        ratelimit: expect.stringMatching(/^"default";r=2;t=3\d{3}, "bucket";r=4;t=\d+$/),
        'ratelimit-policy': expect.stringMatching(/^"default";q=3;w=3600, "bucket"/),
      })
    })

    test('several limits are one step: what one of them denies is taken from none, and each is told', async () => {
      const params = (request: Request) => ({ user: header(request, 'x-user') ?? 'ann' })
      const ask = await served({ namespace: [setup.redis.api, { limit: setup.redis.user, params, name: 'key' }] })
      const first = await ask()
      expect([first.status, told(first)]).toEqual([
        200,
        {
          ratelimit: expect.stringMatching(/^"default 1";r=2;t=3\d{3}, "key";r=1;t=\d+$/),
          'ratelimit-policy': '"default 1";q=3;w=3600, "key";q=2;w=60',
        },
      ])
      await ask()
      const denied = await ask()
      expect([denied.status, denied.headers.get('ratelimit')]).toEqual([
        429,
        expect.stringMatching(/^"default 1";r=1;t=3\d{3}, "key";r=0;t=\d+$/),
      ])
      expect(Number(denied.headers.get('retry-after'))).toBeLessThanOrEqual(120)
      expect(await denied.json()).toMatchObject({ 'violated-policies': ['key'] })
      // The first was not counted for what the second refused.
      expect((await ask({ 'x-user': 'bob' })).status).toBe(200)
      const used = await ask({ 'x-user': 'bob' })
      expect([used.status, await used.json()]).toMatchObject([429, { 'violated-policies': ['default 1'] }])
      expect(Number(used.headers.get('retry-after'))).toBeGreaterThan(3_000)
    })

    test('two servers with a connection of their own share it', async () => {
      const other = await setup.another()
      const asks = [await served({ namespace: setup.redis.api }), await served({ namespace: other.api })]
      const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => asks[index % 2]!()))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(7)
      expect(reached).toBe(3)
    })

    test('who says to be somebody else is not believed, save by a proxy that is trusted', async () => {
      const direct = await served({ namespace: setup.redis.api })
      for (const last of [1, 2, 3]) await direct({ 'x-forwarded-for': `192.0.2.${last}` })
      expect((await direct({ 'x-forwarded-for': '192.0.2.4' })).status).toBe(429)
      expect((await direct({ forwarded: 'for=192.0.2.5' })).status).toBe(429)

      const proxied = await served({ namespace: setup.redis.api, options: { trustProxy: ['127.0.0.0/8', '::1'] } })
      // Another network of IPv6 is another client; another address in it is not.
      for (const host of ['1', '2', '3']) {
        const forged = { 'x-forwarded-for': `203.0.113.${host}, 2001:db8:0:12${host}::${host}` }
        expect((await proxied(forged)).status).toBe(200)
      }
      expect((await proxied({ 'x-forwarded-for': '2001:db8:0:1ff::9' })).status).toBe(429)
      expect((await proxied({ 'x-forwarded-for': '2001:db8:0:200::9' })).status).toBe(200)
      expect((await proxied()).status).toBe(429)
    })

    test('whom it is counted for, what it costs and who is not limited is up to the application', async () => {
      const limited: string[] = []
      const ask = await served({
        namespace: setup.redis.user,
        options: {
          params: async request => ({ user: header(request, 'x-user')! }) as never,
          cost: request => Number(header(request, 'x-cost') ?? 1),
          skip: request => header(request, 'x-user') === 'root',
          name: 'per user',
          headers: 'draft-6',
          onLimited: (request, result) => void limited.push(`${header(request, 'x-user')} ${result.allowed}`),
        },
      })
      const costly = await ask({ 'x-user': 'ann', 'x-cost': '2' })
      expect([costly.status, told(costly)]).toEqual([
        200,
        {
          'ratelimit-limit': '2',
          'ratelimit-remaining': '0',
          'ratelimit-reset': expect.stringMatching(/^\d+$/),
          'ratelimit-policy': '2;w=60',
        },
      ])
      const refused = await ask({ 'x-user': 'ann' })
      expect(await refused.json()).toMatchObject({ 'violated-policies': ['per user'] })
      expect((await ask({ 'x-user': 'bob' })).status).toBe(200)
      for (const _ of [1, 2, 3]) expect(told(await ask({ 'x-user': 'root' }))).toEqual({})
      expect(limited).toEqual(['ann false'])

      const exempt = await served({ namespace: setup.redis.api, options: { exempt: ['127.0.0.1', '::1'] } })
      for (const _ of [1, 2, 3, 4, 5]) expect((await exempt()).status).toBe(200)
    })

    test('two limits in a row are both told, and the older headers on request', async () => {
      const ask = await served(
        { namespace: setup.redis.api, options: { name: 'hourly' } },
        { namespace: setup.redis.bucket, options: { name: 'burst' } },
      )
      const { headers } = await ask()
      expect(headers.get('ratelimit-policy')).toBe('"hourly";q=3;w=3600, "burst";q=5;w=5')
      expect(headers.get('ratelimit')).toMatch(/^"hourly";r=2;t=\d+, "burst";r=4;t=1$/)

      const older = await served({ namespace: setup.redis.bucket, options: { headers: 'x-ratelimit' } })
      const response = await older()
      expect(told(response)).toEqual({
        'x-ratelimit-limit': '5',
        'x-ratelimit-remaining': expect.stringMatching(/^[34]$/),
        'x-ratelimit-reset': expect.stringMatching(/^\d{10}$/),
      })
      const silent = await served({ namespace: setup.redis.bucket, options: { headers: false } })
      expect(told(await silent())).toEqual({})
    })

    test('several limits of one namespace, and a tier of them', async () => {
      const ask = await served({
        namespace: setup.redis.several,
        options: { name: 'plan', tier: async request => header(request, 'x-tier') },
      })
      const first = await ask()
      expect(first.headers.get('ratelimit-policy')).toBe('"plan 10m";q=2;w=600, "plan 1d";q=9;w=12960')
      expect(first.headers.get('ratelimit')).toMatch(/^"plan 10m";r=1;t=\d+, "plan 1d";r=8;t=1440$/)
      await ask()
      const refused = await ask()
      expect([refused.status, await refused.json()]).toMatchObject([429, { 'violated-policies': ['plan 10m'] }])
      const pro = await ask({ 'x-tier': 'pro' })
      expect([pro.status, pro.headers.get('ratelimit-policy')]).toEqual([
        200,
        expect.stringMatching(/^"plan 10m";q=4;w=600/),
      ])
      expect((await ask({ 'x-tier': 'none' })).status).toBe(500)
    })

    test('what does not count is given back once the response was sent', async () => {
      const failures = await served({ namespace: setup.redis.api, options: { counts: 'failures' } })
      for (const _ of [1, 2, 3, 4, 5]) {
        expect((await failures()).status).toBe(200)
        await until(async () => (await setup.redis.api({ client: '127.0.0.1' }).peek()).remaining === 3)
      }
      for (const _ of [1, 2, 3]) expect((await failures({ 'x-status': '401' })).status).toBe(401)
      expect((await failures()).status).toBe(429)

      const successes = await served({ namespace: setup.redis.denied, options: { counts: 'successes' } })
      for (const _ of [1, 2, 3, 4, 5]) {
        expect((await successes({ 'x-status': '500' })).status).toBe(500)
        await until(async () => (await setup.redis.denied({ client: '127.0.0.1' }).peek()).remaining === 3)
      }
      for (const status of [200, 200, 200, 429]) expect((await successes()).status).toBe(status)
    })

    test('an error of the application’s own functions is the framework’s, and the server lives on', async () => {
      const ask = await served({
        namespace: setup.redis.user,
        options: {
          params(request) {
            if (!header(request, 'x-user')) throw new Error('nobody')
            return { user: 'ann' } as never
          },
        },
      })
      expect((await ask()).status).toBe(500)
      expect((await ask({ 'x-user': 'ann' })).status).toBe(200)
      expect(reached).toBe(1)
    })

    test('while Redis is down whenDown answers, and afterwards the count goes on', async () => {
      const [api, denied, counted] = [
        await served({ namespace: setup.redis.api }),
        await served({ namespace: setup.redis.denied }),
        await served({ namespace: setup.redis.counted }),
      ]
      for (const ask of [api, denied, counted]) expect((await ask()).status).toBe(200)
      await setup.kill()
      for (const _ of [1, 2, 3, 4, 5]) {
        const passed = await api()
        expect([passed.status, told(passed)]).toEqual([200, { 'ratelimit-policy': '"default";q=3;w=3600' }])
        const refused = await denied()
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
      }
      const shares = [await counted(), await counted(), await counted()]
      expect(shares.map(({ status }) => status)).toEqual([200, 200, 429])
      await setup.restart()
      // What was refused meanwhile is not held against anybody; what was counted before may be lost with the server.
      for (const ask of [api, denied, counted]) {
        const response = await ask()
        expect([response.status, response.headers.has('ratelimit')]).toEqual([200, true])
      }
    })
  })
}
