import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { until } from '../live-server.ts'
import { handledBy, startWorkerProcess, type WorkerProcess } from './stream-process.ts'
import { checkKills, checkMeddling, kill, meddle, soak, soakPlan } from './stream-soak.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(() => server.ask('FLUSHALL'))

const open = () => connect(soakPlan, { url: server.url, log: false })
const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }))
const sorted = (found: readonly number[]) => [...found].sort((left, right) => left - right)

test('F54: what ends its process, never returns or throws what is no error is dead after four deliveries; the rest is done', async () => {
  await using redis = await open()
  const good = numbers(60)
  await redis.events.appendMany([...good.slice(0, 20), { n: -1 }, ...good.slice(20, 40)])
  const all: WorkerProcess[] = []
  const letters = redis.events.deadLetters('workers')
  const work = { timeout: '300ms' }
  let ended = false
  // Two, so that one starts while the other works.
  async function keepOne(): Promise<void> {
    while (!ended) {
      const living = await startWorkerProcess(server.url, { work })
      all.push(living)
      await Promise.race([living.exit, until(() => ended)])
    }
  }
  const keeping = Promise.all([keepOne(), keepOne()])
  // What a killed process has in hand counts as delivered, begun or not: the others come when there is nobody who kills.
  await until(async () => (await letters.list()).length === 1)
  await redis.events.appendMany([{ n: -2 }, { n: -3 }, ...good.slice(40)])
  await until(async () => (await letters.list()).length === 3 && new Set(handledBy(all)).size === 60)
  ended = true
  await keeping
  const dead = await letters.list()
  expect(dead.map(({ value, deliveries, cause }) => [value?.n, deliveries, cause.name]).sort()).toEqual([
    [-1, 4, 'Vanished'],
    [-2, 4, 'NonError'],
    [-3, 4, 'KeyplanError'],
  ])
  const said = all.flatMap(one => one.said)
  for (const n of [-1, -2, -3]) {
    // What had not begun when another ended the process counts as a delivery as well.
    const begun = said.filter(words => words.begun === n).map(({ delivery }) => delivery)
    expect(new Set(begun).size).toBe(begun.length)
    // The last words of a process that is ended by -1 may not come out of it.
    if (n !== -1) expect(Math.max(...begun.map(Number))).toBe(4)
  }
  expect(sorted([...new Set(handledBy(all))])).toEqual(good.map(({ n }) => n))
})

test('F22: at SIGTERM a worker finishes what runs, gives back the rest, which others have at once, and ends', async () => {
  await using redis = await open()
  const first = await startWorkerProcess(server.url, { claimAfter: '60s', slow: 300 })
  await redis.events.appendMany(numbers(20))
  await until(() => first.said.filter(({ begun }) => begun !== undefined).length === 5)
  first.kill('SIGTERM')
  expect(await first.exit).toBe(0)
  expect(handledBy([first]).length).toBe(5)
  const second = await startWorkerProcess(server.url, { claimAfter: '60s' })
  await until(() => new Set(handledBy([first, second])).size === 20)
  expect(handledBy([first, second])).toHaveLength(20)
  expect(second.said.every(({ delivery }) => delivery === undefined || delivery === 1)).toBe(true)
})

test('F52: what a killed worker had is given to another when its claim lapses, once', async () => {
  await using redis = await open()
  const first = await startWorkerProcess(server.url, { slow: 60_000, work: { timeout: '5m' } })
  await redis.events.appendMany(numbers(10))
  await until(() => first.said.some(({ begun }) => begun !== undefined))
  first.kill('SIGKILL')
  await first.exit
  const second = await startWorkerProcess(server.url)
  await until(() => new Set(handledBy([second])).size === 10)
  expect(sorted(handledBy([second]))).toEqual(numbers(10).map(({ n }) => n))
})

test('a worker that is killed between an effect and its acknowledgement: elsewhere, unique by token, it is there once', async () => {
  await using redis = await open()
  const idempotency = true
  const both = await Promise.all([1, 2].map(() => startWorkerProcess(server.url, { idempotency })))
  const id = await redis.events.append({ n: -4 })
  await until(() => handledBy(both).length === 1)
  expect(both.filter(({ gone }) => gone)).toHaveLength(1)
  const said = both.flatMap(one => one.said)
  expect(said.flatMap(({ effect }) => effect ?? [])).toEqual([id])
  expect(said.flatMap(({ begun, delivery }) => (begun === -4 ? delivery : []) ?? []).sort()).toEqual([1, 2])
  await until(async () => (await redis.events.inspect('workers')).pending === 0)
  // What was done is known now: given out once more, by a hand that should not, it is not handled.
  await server.ask('ZADD', '{events}:~open:workers', '1', id)
  await until(async () => (await redis.events.inspect('workers')).pending === 0)
  expect(handledBy(both)).toEqual([-4])
})

test('kills of workers and of the server under load lose nothing that was acknowledged', async () => {
  await soak({ rounds: 3, cruelty: kill, check: checkKills })
}, 60_000)

test('what was acknowledged is handled, or told as lost, whatever is done to the stream', async () => {
  await soak({ rounds: 5, cruelty: meddle, check: checkMeddling })
}, 60_000)
