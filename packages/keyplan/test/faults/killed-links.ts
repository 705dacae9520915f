import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FaultProxy, type RedisProcess, startProxy } from '@keyplan/local'
import { expect, onTestFinished } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, json, lock, once, rateLimit, semaphore } from '../../src/index.ts'
import { type Budget, openBudget } from './budget.ts'
import { becomes } from './client-under-fault.ts'

const plan = definePlan('killed', {
  door: lock('door:<id>', { ttl: '1s' }),
  seats: semaphore('seats:<id>', { ttl: '1s', permits: 2 }),
  knocks: rateLimit('knocks:<id>', { limit: 1_000_000, window: '1h', whenDown: 'deny' }),
  slots: rateLimit('slots:<id>', { algorithm: 'concurrency', limit: 3, lease: '1s' }),
  work: once('work:<id>', { ttl: '1h', lease: '1s', onCrash: 'rerun', value: json<number>() }),
})

/** Of a call that says nothing else, in milliseconds. */
const deadline = 1_000

const open = (port: number) =>
  connect(plan, {
    url: `redis://127.0.0.1:${port}`,
    log: false,
    deadline: `${deadline}ms`,
    attempt: '300ms',
    pool: 2,
    backoff: { min: '10ms', max: '100ms' },
    // So that it is half-open much of the time.
    breaker: { failures: 2, successes: 3, probeEvery: '200ms' },
  })

type Subject = Awaited<ReturnType<typeof open>>

/** Each with the longest that its steps may take together, in milliseconds. */
const calls: readonly (readonly [number, (client: Subject, id: number) => Promise<unknown>])[] = [
  // The release of a lock waits for half a second.
  [deadline + 500, ({ door }, id) => door({ id: id % 3 }).run(() => sleep(2), { wait: '500ms', deadline: '1s' })],
  [deadline + 500, ({ seats }, id) => seats({ id: id % 3 }).run(() => sleep(2), { wait: '500ms', deadline: '1s' })],
  [deadline, ({ knocks }, id) => knocks({ id }).consume()],
  // Has no answer but Redis'.
  [deadline, ({ knocks }, id) => knocks({ id }).reset()],
  [
    500 + 2 * deadline,
    async ({ slots }, id) => {
      await using slot = await slots({ id: id % 3 }).acquire({ wait: '500ms' })
      return slot.allowed
    },
  ],
  // A claim, and what became of the work.
  [2 * deadline, ({ work }, id) => work({ id }).run(async () => id)],
  [3 * deadline, ({ work }, id) => work({ id: id % 5 }).run(async () => id, { wait: '500ms', deadline: '1s' })],
]

const faults: readonly ((proxy: FaultProxy) => void | Promise<void>)[] = [
  proxy => proxy.drop(),
  proxy => {
    for (const link of proxy.links) if (Math.random() < 0.5) link.apply({ kind: 'reset' })
  },
  proxy => {
    for (const link of proxy.links) if (Math.random() < 0.5) link.apply({ kind: 'blackhole' })
  },
  async proxy => {
    await proxy.refuse()
    await sleep(300 * Math.random())
    await proxy.pass()
  },
]

/**
 * Three clients work while the links of each are killed every 100 to 400 ms. Every call must settle in time, and afterwards
 * breakers close and nothing is held. Gives how the calls ended, and the states of the breakers that were seen.
 */
export async function workOverKilledLinks(server: RedisProcess, ms: number): Promise<Readonly<Record<string, number>>> {
  const seen: Record<string, number> = {}
  const count = (what: string) => {
    seen[what] = (seen[what] ?? 0) + 1
  }
  const budgets = calls.map(([bound]): Budget => openBudget(bound))
  const loop = monitorEventLoopDelay({ resolution: 5 })
  loop.enable()
  let on = true
  let ids = 0
  const clients = await Promise.all(
    [1, 2, 3].map(async () => {
      const proxy = await startProxy({ to: server.port })
      onTestFinished(() => proxy.close())
      const client = await open(proxy.port)
      onTestFinished(() => client.$close())
      client.$on('breaker', ({ state }) => count(`breaker ${state}`))
      return { proxy, client }
    }),
  )
  const killing = clients.map(async ({ proxy }) => {
    while (on) {
      await sleep(100 + 300 * Math.random())
      await faults[Math.floor(faults.length * Math.random())]?.(proxy)
    }
    await proxy.pass()
  })
  const working = clients.flatMap(({ client }) =>
    Array.from({ length: 4 }, async () => {
      while (on) {
        const turn = calls.map(([, call], at) => budgets[at]!.within(() => call(client, ids++)))
        for (const end of await Promise.allSettled(turn)) count(end.status === 'fulfilled' ? 'done' : end.reason.code)
        await sleep(1)
      }
    }),
  )
  await sleep(ms)
  on = false
  await Promise.all([...killing, ...working])
  for (const { worst, limit } of budgets) expect(worst).toBeLessThan(limit + loop.max / 1e6)
  for (const { client } of clients) {
    await becomes(async () => {
      await client.knocks({ id: 'end' }).peek()
      return client.$status.breaker === 'closed' && client.$status.state === 'connected'
    })
  }
  const held = async () => ((await server.ask('KEYS', '*')) as string[]).filter(key => /^(door|seats|slots):/.test(key))
  await becomes(async () => (await held()).length === 0)
  return seen
}
