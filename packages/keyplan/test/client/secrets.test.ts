import { inspect } from 'node:util'
import { connectResp, type RedisProcess, type RespConnection, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { cache, definePlan, json } from '../../src/index.ts'
import { until } from '../live-server.ts'

const password = 'canary@:/#%?é'
const plan = definePlan('shop', { profile: cache('profile:<id>', { ttl: '1m', value: json<{ name: string }>() }) })

let server: RedisProcess
let admin: RespConnection

beforeAll(async () => {
  server = await startRedis({ password })
  admin = await connectResp({ port: server.port })
  await admin.ask('AUTH', password)
})
afterAll(async () => {
  admin.close()
  await server.cleanUp()
})

/** All the forms in which it could show. */
const forms = [password, encodeURIComponent(password), Buffer.from(password).toString('base64'), 'canary']
const shownIn = (things: readonly unknown[]) => {
  const text = things.map(thing => inspect(thing, { depth: 30, showHidden: true, getters: true })).join('\n')
  return forms.filter(form => text.includes(form))
}

test.each([
  ['in the URL, as it is', () => ({ url: `redis://:${password}@127.0.0.1:${server.port}` })],
  ['in the URL, encoded', () => ({ url: `redis://:${encodeURIComponent(password)}@127.0.0.1:${server.port}` })],
  ['as an option', () => ({ url: `redis://127.0.0.1:${server.port}`, password })],
  ['from a function', () => ({ url: `redis://default@127.0.0.1:${server.port}`, password: async () => password })],
])('a password given %s is right, and shows nowhere', async (_, options) => {
  const seen: unknown[] = []
  const log = (level: string, line: string) => seen.push(level, line)
  await using client = await connect(plan, { ...options(), start: 'required', backoff: { max: '50ms' }, log })
  listen(client, seen)
  await client.profile({ id: 1 }).set({ name: 'Ada' })
  await client.$command('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'no']).catch(error => seen.push(error))
  await until(() => client.$status.state === 'connected')
  admin.close()
  admin = await connectResp({ port: server.port })
  await admin.ask('AUTH', password)
  seen.push(await client.$command('GET', []).catch(error => error))
  seen.push(await client.$command('ACL', ['SETUSER', 'x', `?${password}`]).catch(error => error))
  seen.push(client, client.$status, plan, process.argv, await admin.ask('CLIENT', 'LIST'))
  expect(seen.length).toBeGreaterThan(8)
  expect(shownIn(seen)).toEqual([])
})

test('a wrong password shows nowhere either', async () => {
  const lines: string[] = []
  const wrong = {
    url: `redis://127.0.0.1:${server.port}`,
    password: `${password}!`,
    log: (_: string, line: string) => lines.push(line),
  }
  const error = await connect(plan, wrong).catch(error => error)
  expect(error).toMatchObject({ code: 'AUTH_FAILED' })
  expect(shownIn([error, error.stack, lines])).toEqual([])
})

function listen(client: Client<(typeof plan)['namespaces']>, seen: unknown[]): void {
  for (const event of ['connected', 'reconnecting', 'unreachable', 'breaker', 'degraded', 'notice'] as const) {
    client.$on(event, detail => seen.push(event, detail))
  }
}
