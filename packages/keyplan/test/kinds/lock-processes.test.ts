import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { expectGrowing } from '../conformance/lock.ts'
import { redisHarness } from './lock-redis-harness.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('lock-process.mjs', import.meta.url))

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

function start(task: 'contend' | 'hold', ttl: string) {
  const child = spawn(process.execPath, [program, server.url, task, ttl], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return { child, said: async () => JSON.parse((await lines.next()).value) }
}

test('two processes never hold it at once, and their fences grow in the order they held it', async () => {
  const direct = await redisHarness(server.port)
  onTestFinished(() => direct.close())
  const processes = [start('contend', '5s'), start('contend', '5s')]
  const results: { fences: string[] }[] = await Promise.all(processes.map(({ said }) => said()))
  expect(await direct.ask('GET', 'counter')).toBe('80')
  const inOrder = (await direct.ask('LRANGE', 'fences', '0', '-1')) as string[]
  expectGrowing(inOrder.map(BigInt))
  expect(results.flatMap(({ fences }) => fences).sort()).toEqual([...inOrder].sort())
})

test('a holder that was stopped for longer than the time to live learns that it lost the lock, and frees nobody’s', async () => {
  const direct = await redisHarness(server.port)
  onTestFinished(() => direct.close())
  const { locks } = await direct.client({ ttl: '30s' })
  const { child, said } = start('hold', '500ms')
  const { fence } = await said()
  child.kill('SIGSTOP')
  const next = (await locks({ id: 'a' }).acquire({ wait: '20s' }))!
  expect(next.fence).toBeGreaterThan(BigInt(fence))
  child.kill('SIGCONT')
  expect(await said()).toEqual({ reason: 'LOCK_LOST', remaining: 0, released: false })
  expect(await locks({ id: 'a' }).isLocked()).toBe(true)
  expect(next.signal.aborted).toBe(false)
})

test('a process in memory lives as long as somebody waits for a lock', async () => {
  const waiter = fileURLToPath(new URL('lock-waiter.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [waiter])
  expect(JSON.parse(stdout)).toEqual({ freed: 'came free', first: 'none', second: 'none' })
})
