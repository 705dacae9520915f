import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

const run = promisify(execFile)
// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('document-process.mjs', import.meta.url))

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(() => server.ask('FLUSHALL'))

interface Counts {
  readonly done: number
  readonly unknown: number
  readonly failed: number
}

async function count(port: number, processes: number, updates: number): Promise<Counts> {
  const outputs = await Promise.all(
    Array.from({ length: processes }, () =>
      run(process.execPath, [program, `redis://127.0.0.1:${port}`, String(updates)], {
        env: { PATH: process.env.PATH },
      }),
    ),
  )
  const all = outputs.map(({ stdout }) => JSON.parse(stdout) as Counts)
  const sum = (name: keyof Counts) => all.reduce((total, counts) => total + counts[name], 0)
  return { done: sum('done'), unknown: sum('unknown'), failed: sum('failed') }
}

const counted = async () => (JSON.parse(String(await server.ask('GET', 'board:1'))) as { count: number }).count

test('two processes change a document a thousand times at once, and nothing is lost', { timeout: 60_000 }, async () => {
  expect(await count(server.port, 2, 500)).toEqual({ done: 1_000, unknown: 0, failed: 0 })
  expect(await counted()).toBe(1_000)
})

test('whose replies are lost: what was told as done happened once, and what happened was told as done or unknown', {
  timeout: 60_000,
}, async () => {
  await using proxy = await startProxy({ to: server.port })
  let over = false
  const faults = (async () => {
    while (!over) {
      await proxy.swallowReplies()
      await sleep(5 + Math.random() * 30)
      await proxy.pass()
      await sleep(30 + Math.random() * 60)
    }
  })()
  const { done, unknown, failed } = await count(proxy.port, 2, 60)
  over = true
  await faults
  expect(proxy.totals.bytesSwallowed).toBeGreaterThan(0)
  expect(done + unknown + failed).toBe(120)
  expect(done).toBeGreaterThan(0)
  const total = await counted()
  expect(total).toBeGreaterThanOrEqual(done)
  expect(total).toBeLessThanOrEqual(done + unknown)
})
