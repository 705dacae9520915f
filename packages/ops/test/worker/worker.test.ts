import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { folderWith } from '../support/folder.ts'
import { keyplan, lives, untilGone } from '../support/keyplan.ts'
import { range, startStream, startWorker } from '../support/started-worker.ts'
import { workerText } from '../support/worker-module.ts'

test('a module in TypeScript is at work, tells how it does, and drains when it is told to end', async () => {
  const { redis, append, pending } = await startStream()
  const { program, url, until, said } = await startWorker(redis.url)
  await append(...range(1, 30))
  const told = await until(({ workers }) => workers[0]?.handled === 30)
  expect(told).toMatchObject({ code: 200, status: 'up', reasons: [], process: { restarts: 0, lastEnd: null } })
  expect(told.workers[0]!.consumer).toMatch(/^mailer-1:/)

  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('\nkeyplan_worker_handled_total{stream="events",group="workers"} 30\n')
  expect(metrics).toContain('# TYPE keyplan_worker_restarts_total counter\nkeyplan_worker_restarts_total 0\n')
  expect(metrics).toMatch(/^keyplan_stream_pending_messages\{stream="events",group="workers"\} \d+$/m)
  expect(metrics).toMatch(/^keyplan_operations_total\{namespace="events"\} \d+$/m)
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
  expect((await fetch(`${url}/else`)).status).toBe(404)
  expect((await fetch(`${url}/health`, { method: 'POST' })).status).toBe(405)

  await append(-4)
  await program.said('began -4\n')
  program.child.kill('SIGTERM')
  await until(({ code, status }) => code === 503 && status === 'draining')
  expect(await program.ended).toMatchObject({ code: 0, err: 'draining …\nstopped\n' })
  expect(said('handled')).toContain(-4)
  expect(said('closed')).toEqual([0])
  expect(await pending()).toBe(0)
})

test('a process that dies under load is started again, and what kills it is given up after its deliveries', async () => {
  const { redis, append, deadLetters } = await startStream()
  const { until, said, program } = await startWorker(redis.url)
  await append(...range(1, 50), -1, ...range(51, 50))
  const told = await until(({ process }) => process.restarts === 2)
  expect(told.process.lastEnd).toBe('by SIGKILL')
  await until(({ status }) => status === 'up')
  while (new Set(said('handled')).size < 100 || (await deadLetters()).length === 0) await sleep(10)
  expect(said('began').filter(n => n === -1)).toHaveLength(2)
  expect(await deadLetters()).toEqual([expect.stringMatching(/deliveries,2,.*"name":"Vanished"/)])
  expect(program.err).toMatch(/the process ended after [\d.]+ s: by SIGKILL; it is started again in 0\.\d s\n/)
})

test('its health is red while Redis is away, and green again after; killed, it leaves nothing behind', async () => {
  const { redis, append } = await startStream()
  const { until, program, pid, health } = await startWorker(redis.url)
  await redis.kill()
  const red = await until(({ code }) => code === 503)
  expect(red).toMatchObject({ status: 'down', process: { pid } })
  expect(red.reasons[0]).toMatch(/^Redis: .*127\.0\.0\.1/)
  await redis.restart()
  await until(({ code }) => code === 200)
  await append(1)
  await program.said('handled 1\n')
  expect(await health()).toMatchObject({ process: { pid, restarts: 0 } })
  program.child.kill('SIGKILL')
  await untilGone([pid])
})

describe('the end', () => {
  test('waits no longer than the grace, and gives back what is not finished', async () => {
    const { redis, append, deadLetters } = await startStream()
    const { program } = await startWorker(redis.url, ['--grace', '300ms'])
    await append(-3)
    await program.said('began -3\n')
    program.child.kill('SIGTERM')
    expect((await program.ended).code).toBe(0)
    expect(await deadLetters()).toEqual([])
    const next = await startWorker(redis.url)
    await next.program.said('began -3\n')
  })

  test('is at once for who asks twice, and leaves nothing behind', async () => {
    const { redis, append } = await startStream()
    const { program, pid } = await startWorker(redis.url, ['--grace', '1m'])
    await append(-2)
    await program.said('began -2\n')
    program.child.kill('SIGINT')
    // What follows within a second is the same Ctrl-C.
    await sleep(1_100)
    expect(lives(pid)).toBe(true)
    program.child.kill('SIGINT')
    expect((await program.ended).code).toBe(130)
    await untilGone([pid])
  })
})

describe('told in one line, before anything is handled', () => {
  test.each([
    ['none.ts', 78, 'the worker none.ts cannot be loaded: it is not there'],
    ['plain.mjs', 78, 'plain.mjs exports no worker by default: write export default defineWorker'],
    ['typo.ts', 78, 'workers2 is no group of events; did you mean workers?'],
    ['worker', 64, 'worker is no module: write keyplan worker ./worker.ts'],
    ['worker.ts', 78, 'no Redis is configured'],
  ])('%s', async (file, code, said) => {
    const folder = await folderWith({
      'worker.ts': workerText,
      'plain.mjs': 'export const worker = 1',
      'typo.ts': workerText.replace('      workers: {\n', '      workers2: {\n'),
    })
    const ended = await keyplan(['worker', file], { folder }).ended
    expect(ended, ended.err).toMatchObject({ code, out: '' })
    expect(ended.err).toContain(said)
    expect(ended.err).not.toMatch(/\n +at /)
  })

  test('a password that is refused, and a port that is taken', async () => {
    const { redis } = await startStream()
    const folder = await folderWith({ 'worker.ts': workerText })
    const run = (env: NodeJS.ProcessEnv) => keyplan(['worker', 'worker.ts'], { folder, env }).ended
    const [refused, taken] = await Promise.all([
      run({ REDIS_URL: redis.url.replace('//', '//:s3cret@') }),
      run({ REDIS_URL: redis.url, WORKER_HEALTH_PORT: String(redis.port) }),
    ])
    expect(refused).toMatchObject({ code: 77, err: expect.not.stringContaining('s3cret') })
    expect(taken).toMatchObject({
      code: 69,
      err: expect.stringContaining(`port ${redis.port} is taken by redis-server`),
    })
  })
})
