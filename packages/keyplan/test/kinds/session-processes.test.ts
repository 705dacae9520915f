import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Session } from '../../src/kinds/session/contract.ts'
import { digest } from '../../src/plan/pattern/value.ts'
import type { SessionTerms } from '../conformance/session.ts'
import { until } from '../live-server.ts'
import { redisHarness } from './session-harness.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('session-process.mjs', import.meta.url))

const perUser: NonNullable<SessionTerms['perUser']> = { by: ({ userId }) => userId }

let server: RedisProcess
let proxy: FaultProxy
beforeAll(async () => {
  server = await startRedis()
  proxy = await startProxy({ to: server.port })
})
afterAll(async () => {
  await proxy.close()
  await server.cleanUp()
})
beforeEach(() => server.ask('FLUSHALL'))

function start(task: 'login' | 'one more login' | 'logout', url: string) {
  const child = spawn(process.execPath, [program, url, task], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return { child, said: async () => JSON.parse((await lines.next()).value) }
}

/** Kills a process, and lets go of what it was connected by. */
async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
  await until(() => proxy.connections === 0)
  await proxy.pass()
}

async function open() {
  const harness = await redisHarness(server.port)
  onTestFinished(() => harness.close())
  return harness.client({ perUser })
}

const keyOf = (id: string) => `session:${digest(id)}`
const list = `{${keyOf('ann')}}:~user`

/** Every session that lives is on its user's list, whatever else is. */
async function unlisted(): Promise<string[]> {
  const listed = (await server.ask('ZRANGE', list, '0', '-1')) as string[]
  return ((await server.ask('KEYS', 'session:*')) as string[]).filter(key => !listed.includes(key))
}

test('killed anywhere in a login, again and again, it leaves no session that lives and is on no list', async () => {
  for (let kill = 0; kill < 3; kill++) {
    const { child, said } = start('login', server.url)
    for (let login = 0; login < 5 + kill; login++) await said()
    await end(child)
    expect(await unlisted()).toEqual([])
  }
  const sessions = await open()
  const living = await sessions.user('ann').list()
  expect(living.length).toBe(((await server.ask('KEYS', 'session:*')) as string[]).length)
  expect(await sessions.user('ann').endAll()).toBe(living.length)
})

test('killed between the list and the session, it leaves an entry that leads nowhere, which nobody is shown', async () => {
  const { child, said } = start('one more login', `redis://127.0.0.1:${proxy.port}`)
  await said()
  // The reply of its first step never comes, so there is no second one.
  await proxy.swallowReplies()
  child.stdin.write('now\n')
  await until(async () => (await server.ask('ZCARD', list)) === 2)
  const there = async () => ((await server.ask('KEYS', 'session:*')) as string[]).length
  await end(child)
  expect(await unlisted()).toEqual([])
  expect([await server.ask('ZCARD', list), await there()]).toEqual([2, 1])
  const sessions = await open()
  expect((await sessions.user('ann').list()).length).toBe(1)
})

test('killed between the end of a session and its list, it has ended for everybody', async () => {
  const { child, said } = start('logout', `redis://127.0.0.1:${proxy.port}`)
  const session: Session = await said()
  await proxy.swallowReplies()
  child.stdin.write('now\n')
  await until(async () => String(await server.ask('GET', keyOf(session.id))).startsWith('{"ended":'))
  await end(child)
  expect(await server.ask('ZRANGE', list, '0', '-1')).toEqual([keyOf(session.id)])
  const sessions = await open()
  expect(await sessions({ sessionId: session.id }).read()).toBeUndefined()
  expect(await sessions({ sessionId: session.id }).update({ theme: 'x' })).toBeUndefined()
  expect(await sessions.user('ann').list()).toEqual([])
})
