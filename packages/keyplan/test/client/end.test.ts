import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('end-process.mjs', import.meta.url))

let server: RedisProcess
let proxy: FaultProxy

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  proxy = await startProxy({ to: server.port })
})
afterEach(() => proxy.close())

function run(task: string, url = `redis://127.0.0.1:${proxy.port}`) {
  const child = spawn(process.execPath, [program, url, task], { env: { PATH: process.env.PATH } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  let complained = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  child.stderr.on('data', chunk => {
    complained += chunk
  })
  return once(child, 'close').then(([code]) => ({ code, said: said.trim(), complained }))
}

test.each([
  ['Redis', () => undefined],
  ['memory', () => ''],
])('a process that closed its client on %s ends by itself', async (_, url) => {
  expect(await run('use', url())).toMatchObject({ code: 0, said: '{"closed":true}' })
})

test.each(['messages', 'follow', 'lead'])('a process that waits in memory (%s) lives as long as that', async task => {
  expect(await run(task)).toEqual({ code: 0, said: '{"alive":true}\n{"ended":true}', complained: '' })
})

test('a required start that fails is told to a process that has nothing else to do', async () => {
  await proxy.refuse()
  expect(await run('required')).toEqual({ code: 69, said: '{"code":"DISCONNECTED"}', complained: '' })
})

test('a call that waits for Redis is answered in a process that has nothing else to do', async () => {
  await proxy.refuse()
  expect(await run('optional')).toEqual({
    code: 0,
    said: '{"code":"TIMEOUT","outcome":"not-executed","left":[]}',
    complained: '',
  })
})

test('in any trouble every promise settles, and no rejection is left without a handler', async () => {
  const ended = run('trouble')
  let running = true
  void ended.then(() => {
    running = false
  })
  const faults = [
    () => proxy.reset(),
    () => proxy.swallowReplies(),
    () => proxy.refuse(),
    () => proxy.cut(10),
    () => proxy.delay({ down: 30 }),
    () => proxy.blackhole(),
  ]
  for (let fault = 0; running; fault++) {
    await faults[fault % faults.length]?.()
    await sleep(40)
    await proxy.pass()
    await sleep(40)
  }
  const { code, said, complained } = await ended
  expect({ code, complained }).toEqual({ code: 0, complained: '' })
  const { made, settled } = JSON.parse(said)
  expect(settled).toBe(made)
  expect(made).toBeGreaterThan(1_000)
})
