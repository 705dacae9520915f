import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('limited-process.mjs', import.meta.url))

/** Starts a process and gives the address it serves at. */
async function start(redisUrl: string): Promise<string> {
  const child = spawn(process.execPath, [program, redisUrl], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { value } = await createInterface(child.stdout)[Symbol.asyncIterator]().next()
  return `http://127.0.0.1:${value}/`
}

test('processes share a limit to the last unit, however many ask at once', async () => {
  await using redis = await startRedis()
  const urls = await Promise.all([1, 2, 3].map(() => start(redis.url)))
  const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => fetch(urls[index % 3]!)))
  const statuses = answers.map(({ status }) => status)
  expect([statuses.filter(status => status === 200).length, statuses.filter(status => status === 429).length]).toEqual([
    20, 40,
  ])
})
