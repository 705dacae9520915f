import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { createMemoryIntervalStore, createRedisIntervalStore } from '../../src/kinds/lock/interval-store.ts'
import { lockNames } from '../../src/kinds/lock/names.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { officeConformance } from '../conformance/office.ts'
import { until } from '../live-server.ts'
import { callFor, connectTo, redisHarness } from './lock-redis-harness.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('office-process.mjs', import.meta.url))

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

officeConformance('Redis', () => redisHarness(server.port))

interface Said {
  readonly type?: 'elected' | 'deposed'
  readonly reason?: string
  readonly fence?: string
  readonly start?: number
}

/** A process, and what it has said so far. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [program, server.url, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said: Said[] = []
  createInterface(child.stdout).on('line', line => said.push(JSON.parse(line)))
  return { child, said }
}

test('a leader that was stopped for longer than its lease is replaced, learns of it, and writes no more', async () => {
  await server.ask('FLUSHALL')
  const processes = [1, 2, 3].map(() => start('lead', '1s'))
  const terms = () =>
    processes.flatMap(one =>
      one.said.filter(({ type }) => type === 'elected').map(({ fence }) => ({ one, fence: BigInt(fence!) })),
    )
  /** Who has the latest term, once it has written in it. */
  const leader = async () => {
    const latest = terms()
      .sort((one, other) => Number(one.fence - other.fence))
      .at(-1)
    return latest && (await server.ask('GET', 'last')) === String(latest.fence) ? latest : undefined
  }
  const first = await until(leader)
  first.one.child.kill('SIGSTOP')
  const second = await until(async () => {
    const now = await leader()
    return now && now.one !== first.one && now.fence > first.fence ? now : undefined
  })
  first.one.child.kill('SIGCONT')
  const lost = ({ type, reason, fence }: Said) =>
    type === 'deposed' && reason === 'lost' && fence === String(first.fence)
  await until(() => first.one.said.some(lost))
  second.one.child.kill('SIGKILL')
  await until(async () => ((await leader())?.fence ?? 0n) > second.fence)
  const written = ((await server.ask('LRANGE', 'written', '0', '-1')) as string[]).map(BigInt)
  expect(written.every((fence, index) => index === 0 || fence >= written[index - 1]!)).toBe(true)
  const elected = new Set(terms().map(({ fence }) => fence))
  expect(written.every(fence => elected.has(fence))).toBe(true)
})

test('each interval is done once, though who did one was stopped for longer than its lease', async () => {
  await server.ask('FLUSHALL')
  const processes = [1, 2, 3].map(() => start('report', '500ms', '1s'))
  const runs = async () => ((await server.ask('LRANGE', 'runs', '0', '-1')) as string[]).map(Number)
  await until(() => processes.some(({ said }) => said.length > 0))
  const stopped = processes.find(({ said }) => said.length > 0)!
  stopped.child.kill('SIGSTOP')
  const before = (await runs()).length
  await until(async () => (await runs()).length >= before + 1)
  stopped.child.kill('SIGCONT')
  await until(async () => (await runs()).length >= before + 2)
  const starts = await runs()
  expect(starts).toEqual([...new Set(starts)].sort((one, other) => one - other))
  expect(starts.every(start => start % 1_000 === 0)).toBe(true)
})

test('a mark is a helper key that ends, and is never made with a smaller fence than one that was', async () => {
  const names = lockNames(parsePattern('lock:<id>'))
  const { redis, close } = await connectTo(server.port)
  const stores = [createRedisIntervalStore(redis, names), createMemoryIntervalStore(names, realClock)]
  await server.ask('FLUSHALL')
  for (const store of stores) {
    const mark = (fence: bigint, number?: number) => store.mark(callFor(), 'lock:a', 1_000_000_000, fence, number)
    const { number, done } = await store.look(callFor(), 'lock:a', 1_000_000_000)
    expect(done).toBe(false)
    expect(await mark(5n, number - 1)).toMatchObject({ mine: true, done: false })
    expect(await mark(4n)).toMatchObject({ mine: false, done: false })
    expect(await mark(6n)).toMatchObject({ mine: true, done: true, number })
    // A try whose reply was lost is made again.
    expect(await mark(6n)).toMatchObject({ mine: true, done: true })
    expect(await mark(7n)).toMatchObject({ mine: false, done: true })
    expect(await mark(7n, number - 1)).toMatchObject({ mine: false })
    expect(await store.look(callFor(), 'lock:a', 1_000_000_000)).toMatchObject({ number, done: true })
  }
  expect(await server.ask('KEYS', '*')).toEqual(['{lock:a}:~once-1000000000'])
  const remaining = Number(await server.ask('PTTL', '{lock:a}:~once-1000000000'))
  expect(remaining > 1_000_000_000 && remaining <= 2_000_000_000).toBe(true)
  await close()
})
