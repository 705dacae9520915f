import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../dist/database/embedded.js'
import { ask, type InstanceUnderTest, startInstance } from './support/instance.ts'

let database: EmbeddedDatabase
let instance: InstanceUnderTest
beforeAll(async () => {
  database = await startEmbeddedDatabase({ port: 0, dataFolder: undefined })
  instance = await startInstance({ KUSHIM_EMBEDDED_URL: database.url })
})
afterAll(async () => {
  await instance?.stop()
  await database?.stop()
})

const record = { userId: 'ada', platform: 'gmail', dataSourceId: 'inbox', externalId: '1', content: '@grace #paris' }

async function post(externalId: string, content: string): Promise<string> {
  const { body } = await ask(instance, 'POST', '/records', { body: { ...record, externalId, content } })
  return (body.record as { id: string }).id
}

const context = (id: string, depth = 2, user = 'ada') =>
  ask(instance, 'GET', `/records/${id}/context?depth=${depth}`, { user })

const members = async (id: string, depth?: number) =>
  ((await context(id, depth)).body.members as { recordId: string }[]).map(({ recordId }) => recordId)

describe('without Redis', () => {
  it('says so, in the words it is known by', () => {
    const said = instance.lines.filter(line => line.includes('Redis not configured'))
    expect(said).toEqual(['[RedisService] Redis not configured - caching and locking in this process only'])
  })

  it('is healthy, and tells that there is no Redis', async () => {
    expect(await ask(instance, 'GET', '/health/redis')).toMatchObject({
      status: 200,
      body: { status: 'none', enabled: false, mode: 'memory', info: {} },
    })
    expect(await ask(instance, 'GET', '/health')).toMatchObject({
      status: 200,
      body: { status: 'up', database: 'up', redis: 'none', mode: 'memory' },
    })
  })

  it('stores a record that is sent 50 times at once once, and not degraded: nobody else is there', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask(instance, 'POST', '/records', { body: { ...record, externalId: 'many' } })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(49)
  })

  it('caches and invalidates in this process', async () => {
    const body = { displayName: 'Ada', timeZone: 'Europe/London' }
    expect((await ask(instance, 'PUT', '/users/ada/profile', { body })).status).toBe(200)
    const reads = [1, 2, 3].map(() => () => ask(instance, 'GET', '/users/ada/profile'))
    const answers = []
    for (const read of reads) answers.push(await read())
    expect(answers.map(({ headers }) => headers.get('x-cache'))).toEqual(['miss', 'hit', 'hit'])
    await ask(instance, 'PUT', '/users/ada/profile', { body: { displayName: 'Countess' } })
    expect((await ask(instance, 'GET', '/users/ada/profile')).body).toMatchObject({
      displayName: 'Countess',
      timeZone: null,
    })
  })
})

describe('a context group', () => {
  it('reaches as many links away as it is deep, nearest first', async () => {
    const [a, b, c, d] = [
      await post('a', '#chain-ab'),
      await post('b', '#chain-ab #chain-bc'),
      await post('c', '#chain-bc #chain-cd'),
      await post('d', '#chain-cd'),
    ]
    expect(await members(a, 0)).toEqual([])
    expect(await members(a, 1)).toEqual([b])
    expect(await members(a, 2)).toEqual([b, c])
    expect(await members(a, 5)).toEqual([b, c, d])
  })

  it('is changed by its user: title, pinned ones, and removed ones, which are not passed through', async () => {
    const [a, b, c] = [await post('e', '#x-ef'), await post('f', '#x-ef #x-fg'), await post('g', '#x-fg')]
    const far = await post('far', 'shares nothing at all')
    const edit = (body: unknown) => ask(instance, 'PUT', `/records/${a}/context`, { user: 'ada', body })
    expect(await members(a)).toEqual([b, c])
    expect(await edit({ title: 'Trip', pinned: [far] })).toMatchObject({
      status: 200,
      body: { recordId: a, title: 'Trip', pinned: [far], removed: [] },
    })
    expect((await context(a)).body).toMatchObject({ title: 'Trip', truncated: false })
    expect(await members(a)).toEqual([far, b, c])
    await edit({ removed: [b] })
    expect(await members(a)).toEqual([far])
    await edit({ removed: [], pinned: [], title: null })
    expect((await context(a)).body).toMatchObject({ title: 'e' })
    expect(await members(a)).toEqual([b, c])
  })

  it('is its user’s alone', async () => {
    const id = await post('private', '#mine')
    expect((await context(id, 2, 'mallory')).status).toBe(404)
    const edit = await ask(instance, 'PUT', `/records/${id}/context`, { user: 'mallory', body: { title: 'x' } })
    expect(edit.status).toBe(404)
    const theirs = await ask(instance, 'POST', '/records', { body: { ...record, userId: 'mallory', content: '#mine' } })
    expect(theirs.body.links).toEqual([])
  })
})

describe('bad input', () => {
  const without = (field: string) => ({ ...record, [field]: undefined })
  const rows: [name: string, method: 'GET' | 'POST' | 'PUT', path: string, body: unknown, field: string][] = [
    ['no platform', 'POST', '/records', without('platform'), 'platform'],
    ['no data source', 'POST', '/records', without('dataSourceId'), 'dataSourceId'],
    ['no external id', 'POST', '/records', without('externalId'), 'externalId'],
    ['an empty platform', 'POST', '/records', { ...record, platform: '  ' }, 'platform'],
    ['a number as id', 'POST', '/records', { ...record, externalId: 7 }, 'externalId'],
    ['a long user id', 'POST', '/records', { ...record, userId: 'x'.repeat(201) }, 'userId'],
    ['NUL in the text', 'POST', '/records', { ...record, content: 'a\0b' }, 'content'],
    ['half a surrogate pair', 'POST', '/records', { ...record, title: '\ud83d' }, 'title'],
    ['a long text', 'POST', '/records', { ...record, content: 'x'.repeat(100_001) }, 'content'],
    ['a tag that is no text', 'POST', '/records', { ...record, tags: ['a', 1] }, 'tags[1]'],
    ['people that are no list', 'POST', '/records', { ...record, people: 'grace' }, 'people'],
    ['a misspelt field', 'POST', '/records', { ...record, plattform: 'x' }, 'plattform'],
    ['a list', 'POST', '/records', [record], 'body'],
    ['null', 'POST', '/records', null, 'body'],
    ['a depth below', 'GET', '/records/x/context?depth=-1', undefined, 'depth'],
    ['a depth above', 'GET', '/records/x/context?depth=6', undefined, 'depth'],
    ['a depth that is no number', 'GET', '/records/x/context?depth=two', undefined, 'depth'],
    ['an empty depth', 'GET', '/records/x/context?depth=', undefined, 'depth'],
    ['a misspelt parameter', 'GET', '/records/x/context?dept=1', undefined, 'dept'],
    ['a depth given twice', 'GET', '/records/x/context?depth=1&depth=2', undefined, 'depth'],
    ['a parameter where there is none', 'GET', '/users/ada/profile?depth=1', undefined, 'depth'],
    ['a broken path', 'GET', '/records/%E0%A4/context', undefined, 'id'],
    ['an empty id', 'GET', '/users/%20/profile', undefined, 'id'],
    ['no change', 'PUT', '/records/x/context', {}, 'body'],
    ['an empty title', 'PUT', '/records/x/context', { title: '' }, 'title'],
    ['no name', 'PUT', '/users/ada/profile', {}, 'displayName'],
    ['no address', 'PUT', '/users/ada/profile', { displayName: 'Ada', email: 'ada' }, 'email'],
    ['no time zone', 'PUT', '/users/ada/profile', { displayName: 'Ada', timeZone: 'Mars/Base' }, 'timeZone'],
  ]

  it.each(rows)('%s is refused with the field named', async (_, method, path, body, field) => {
    const answer = await ask(instance, method, path, { body, user: 'ada' })
    expect(answer.status).toBe(400)
    expect(answer.body.error).toMatchObject({ code: 'BAD_INPUT', field })
    expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*:\d+:\d+/)
  })

  it.each([
    ['/records/x/context?dept=1', 'dept is not a parameter here; did you mean depth?'],
    ['/records/x/context?sort=title', 'sort is not a parameter here; there is depth'],
    ['/health?verbose=1', 'verbose is not a parameter here; there is none'],
  ])('%s is told what was probably meant', async (path, message) => {
    expect(await ask(instance, 'GET', path, { user: 'ada' })).toMatchObject({
      status: 400,
      body: { error: { message } },
    })
  })

  it.each(['GET', 'PUT'] as const)('a context without X-User-Id is refused: %s', async method => {
    const { status, body } = await ask(instance, method, '/records/x/context', {
      body: method === 'PUT' ? { title: 'x' } : undefined,
    })
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { field: 'X-User-Id' } } })
  })

  it('a record without a user is refused, and the one of X-User-Id is taken', async () => {
    const nobody = await ask(instance, 'POST', '/records', { body: without('userId') })
    expect(nobody).toMatchObject({ status: 400, body: { error: { field: 'userId' } } })
    const sender = await ask(instance, 'POST', '/records', { body: without('userId'), user: 'header' })
    expect(sender).toMatchObject({ status: 201, body: { record: { userId: 'header' } } })
  })

  it('a user who is not the one of X-User-Id is refused', async () => {
    const { status, body } = await ask(instance, 'POST', '/records', { body: record, user: 'mallory' })
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { field: 'userId' } } })
  })

  it('pinning what is not theirs, what is removed, or the record itself is refused', async () => {
    const [id, other] = [await post('pins', ''), await post('pinned', '')]
    for (const [body, field] of [
      [{ pinned: ['nobody'] }, 'pinned'],
      [{ pinned: [other], removed: [other] }, 'pinned'],
      [{ removed: [id] }, 'removed'],
    ] as const) {
      const answer = await ask(instance, 'PUT', `/records/${id}/context`, { user: 'ada', body })
      expect(answer).toMatchObject({ status: 400, body: { error: { field } } })
    }
  })

  const raw = (path: string, init: RequestInit) => fetch(`${instance.url}${path}`, init)
  const json = { 'content-type': 'application/json' }

  it.each([
    ['no such path', '/nothing', { method: 'GET' }, 404],
    ['no such record', '/records/none/context', { method: 'GET', headers: { 'x-user-id': 'ada' } }, 404],
    ['no such profile', '/users/nobody/profile', { method: 'GET' }, 404],
    ['another method', '/records', { method: 'DELETE' }, 405],
    ['no media type', '/records', { method: 'POST', body: new Uint8Array([123, 125]) }, 415],
    ['another media type', '/records', { method: 'POST', body: 'a=1', headers: { 'content-type': 'text/plain' } }, 415],
    ['no JSON', '/records', { method: 'POST', body: '{', headers: json }, 400],
    ['no UTF-8', '/records', { method: 'POST', body: new Uint8Array([34, 0xff, 34]), headers: json }, 400],
    ['a large body', '/records', { method: 'POST', body: `"${'x'.repeat(300_000)}"`, headers: json }, 413],
  ] as [string, string, RequestInit, number][])(
    '%s is answered with the right status',
    async (_, path, init, status) => {
      const response = await raw(path, init)
      expect(response.status).toBe(status)
      expect(await response.json()).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } })
      if (status === 405) expect(response.headers.get('allow')).toBe('POST')
    },
  )
})

describe('SIGTERM', () => {
  it('lets what is under way finish, and ends without a complaint', async () => {
    const other = await startInstance({ KUSHIM_EMBEDDED_URL: database.url })
    const under = ask(other, 'POST', '/records', { body: { ...record, externalId: 'last' } })
    await ask(other, 'GET', '/health')
    other.signal('SIGTERM')
    expect((await under).status).toBe(201)
    expect(await other.ended).toEqual({ code: 0, signal: null })
  })
})
