import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { type Duration, definePlan, describe as describePlan, json, session } from '../../src/index.ts'
import { type OtherService, openOtherService } from './other-service.ts'

/** Sessions of HigherSelf, in its own words. */
interface HigherSelfSession {
  user_id: string
  authenticated: boolean
  permissions: string[]
}

interface WebSession {
  userId?: string
  draft?: string
}

const value = json<WebSession>()
const perUser = { by: (data: WebSession) => data.userId }

const planOf = (name: string, pattern: string, ttl: Duration, prefix = '') =>
  definePlan(name, { session: session(pattern, { ttl, value, perUser }) }, { prefix })

/** The sessions that the documents name, each under its key and for its time. */
const documents = [
  {
    document: 'the Awareness Network',
    plan: planOf('awareness-network', 'session:<id>', '24h', 'awareness:'),
    key: /^awareness:session:[\w-]{43}$/,
    ttlMs: 86_400_000,
  },
  {
    document: 'Developer Mesh, which keeps the state of WebSockets',
    plan: planOf('developer-mesh', 'session:<id>', '30m'),
    key: /^session:[\w-]{43}$/,
    ttlMs: 1_800_000,
  },
  {
    document: 'Developer Mesh by its short prefix',
    plan: planOf('developer-mesh', 'sess:<id>', '30m'),
    key: /^sess:[\w-]{43}$/,
    ttlMs: 1_800_000,
  },
  {
    document: 'Universal AI Tools',
    plan: planOf('universal-ai-tools', 'session:web:<id>', '24h'),
    key: /^session:web:[\w-]{43}$/,
    ttlMs: 86_400_000,
  },
]

let server: RedisProcess
let other: OtherService
beforeAll(async () => {
  server = await startRedis()
  other = await openOtherService(server.port)
})
afterAll(async () => {
  other.close()
  await server.cleanUp()
})
beforeEach(() => other.flush())

/** Minutes on a busy machine. */
const margin = 120_000

describe.each(documents)('sessions of $document', ({ plan, key, ttlMs }) => {
  test('lie under its key, for its time, as JSON, and log in, out and out everywhere', async () => {
    await using client = await connect(plan, { url: server.url, start: 'required', log: false })
    const sessions = client.session
    const visitor = await sessions.create({ draft: 'é' }, { device: { userAgent: 'a browser', ip: '::1' } })
    const [stored] = await other.keys()
    expect(stored).toMatch(key)
    const lifetime = await other.lifetime(stored!)
    expect(lifetime).toBeLessThanOrEqual(ttlMs)
    expect(lifetime).toBeGreaterThan(ttlMs - margin)
    const text = JSON.parse(String(await other.get(stored!)))
    expect(text).toMatchObject({ v: 1, data: { draft: 'é' }, device: { userAgent: 'a browser', ip: '::1' } })

    const login = (await sessions({ id: visitor.id }).rotate({ change: { userId: 'u1' } }))!
    expect(await sessions({ id: visitor.id }).read()).toBeUndefined()
    const phone = await sessions.create({ userId: 'u1' })
    expect((await sessions.user('u1').list()).map(({ name }) => name).sort()).toEqual([login.name, phone.name].sort())
    expect(await sessions.user('u1').endAll({ except: phone })).toBe(1)
    expect(await sessions({ id: login.id }).read()).toBeUndefined()
    expect(await sessions({ id: phone.id }).destroy()).toBe(true)
  })
})

describe('sessions of HigherSelf', () => {
  const plan = definePlan('higherself', {
    session: session('session:<sessionId>', {
      doc: 'User sessions; the Python services read them by their id.',
      ttl: '1h',
      value: json<HigherSelfSession>(),
      idInKey: 'plain',
      perUser: { by: data => data.user_id },
    }),
  })
  const data = { user_id: 'user_67890', authenticated: true, permissions: ['read', 'write'] }

  test('are found by other services under the id, and the plan warns of that', async () => {
    await using client = await connect(plan, { url: server.url, start: 'required', log: false })
    await client.session.create(data, { id: 'sess_12345' })
    const text = JSON.parse(String(await other.get('session:sess_12345')))
    expect(text).toMatchObject({ user: 'user_67890', data })
    expect(await other.lifetime('session:sess_12345')).toBeGreaterThan(3_600_000 - margin)
    expect((await client.session({ sessionId: 'sess_12345' }).read())!.data).toEqual(data)
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^session: idInKey: 'plain' puts login secrets into key names/),
    ])
    expect(describePlan(plan).namespaces[0]!.facts).toMatchObject({ ttl: '1h', idInKey: 'plain', touchEvery: '5m' })
  })

  test('refuse, and say why, when they are switched off', async () => {
    vi.stubEnv('REDIS_SESSION_STORE_ENABLED', 'false')
    onTestFinished(() => void vi.unstubAllEnvs())
    await using client = await connect(plan, { url: server.url, start: 'required', log: false })
    expect(client.$status.disabled).toEqual(['session'])
    const entry = client.session({ sessionId: 'sess_12345' })
    for (const work of [
      () => client.session.create(data),
      () => entry.read(),
      () => entry.read({ touch: false }),
      () => entry.update({ permissions: [] }),
      () => entry.rotate(),
      () => entry.destroy(),
      () => client.session.user('user_67890').list(),
      () => client.session.user('user_67890').endAll(),
    ]) {
      await expect(work()).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringContaining('switched off'),
        namespace: 'session',
      })
    }
    expect([...(await other.keys()), ...(await other.helperKeys())]).toEqual([])
  })
})
