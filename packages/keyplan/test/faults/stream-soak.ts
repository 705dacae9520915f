import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { expect } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, isKeyplanError, json, stream } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { report } from './figures.ts'
import { handledBy, startWorkerProcess, type WorkerProcess } from './stream-process.ts'

export const soakPlan = definePlan('streams', {
  events: stream('events', {
    value: json<{ n: number }>(),
    groups: { workers: { start: '0' } },
    retry: { attempts: 3, delay: '20ms' },
    claimAfter: '400ms',
    keep: { entries: 1_000_000 },
  }),
})

interface SoakOptions {
  readonly rounds: number
  /** When the server has written a command to its disk. Default: before it answers. */
  readonly appendfsync?: 'always' | 'everysec'
  /** Does something cruel to the server or the workers, again and again. */
  cruelty(server: RedisProcess, workers: WorkerProcess[]): Promise<void>
  /** Ends the run: what was acknowledged, and what became of it. */
  check(outcome: SoakOutcome): Promise<void> | void
}

export interface SoakOutcome {
  readonly server: RedisProcess
  /** The number of each entry that was acknowledged, by its id. */
  readonly acknowledged: ReadonlyMap<string, number>
  readonly handled: readonly number[]
  readonly kills: number
  readonly workers: readonly WorkerProcess[]
  readonly deadEntries: readonly string[]
}

/** What one process holds at most: five being handled, twenty ready, and as many in each of two takes on their way. */
export const inHand = 65

/** A producer and four workers, under cruelty. */
export async function soak({ rounds, appendfsync = 'always', cruelty, check }: SoakOptions): Promise<void> {
  const server = await startRedis({ appendonly: true, args: { appendfsync } })
  try {
    await using redis = await connect(soakPlan, { url: server.url, log: false, backoff: { min: '10ms', max: '100ms' } })
    const all: WorkerProcess[] = []
    const start = async () => {
      const one = await startWorkerProcess(server.url, { attempts: 50 })
      all.push(one)
      return one
    }
    const living = await Promise.all([start(), start(), start(), start()])
    const acknowledged = new Map<string, number>()
    let on = true
    let n = 0
    const producing = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (on) {
          const mine = n++
          try {
            acknowledged.set(await redis.events.append({ n: mine }), mine)
          } catch (error) {
            if (!isKeyplanError(error)) throw error
          }
          await sleep(2)
        }
      }),
    )
    let kills = 0
    while (kills < rounds) {
      await sleep(200 + Math.random() * 400)
      await cruelty(server, living)
      kills++
      for (const [index, one] of living.entries()) if (one.gone) living[index] = await start()
    }
    on = false
    await producing
    await until(async () => {
      const { pending, lag } = await redis.events.inspect('workers').catch(() => ({ pending: 1, lag: 1 }))
      return pending === 0 && lag === 0
    })
    for (const one of living) one.kill('SIGTERM')
    await Promise.all(living.map(({ exit }) => exit))
    const letters = await redis.events.deadLetters('workers').list({ limit: 1_000 })
    const handled = handledBy(all)
    report('stream', { acknowledged: acknowledged.size, handled: handled.length, kills, dead: letters.length })
    await check({
      server,
      acknowledged,
      handled,
      kills,
      workers: all,
      deadEntries: letters.map(({ entry }) => entry),
    })
  } finally {
    await server.cleanUp()
  }
}

/** Kills a worker, and one time in four the server as well, which then comes back. */
export async function kill(server: RedisProcess, workers: WorkerProcess[]): Promise<void> {
  const victim = workers[Math.floor(Math.random() * workers.length)]!
  victim.kill('SIGKILL')
  await victim.exit
  if (Math.random() >= 0.25) return
  await server.kill()
  await server.restart()
}

/** Of a server that writes to its disk later: what a kill may cost is what it had not even given to the system. */
export function reportLosses({ acknowledged, handled, kills }: SoakOutcome): void {
  const seen = new Set(handled)
  const lost = [...acknowledged.values()].filter(n => !seen.has(n)).length
  report('with everysec', { acknowledged: acknowledged.size, kills, lost })
  expect(seen.size).toBeGreaterThan(0)
  expect(handled.length - seen.size).toBeLessThanOrEqual(kills * inHand * 5)
}

export function checkKills({ acknowledged, handled, kills }: SoakOutcome): void {
  const seen = new Set(handled)
  expect([...acknowledged.values()].filter(n => !seen.has(n))).toEqual([])
  // A kill of the server is one of all four processes, whose acknowledgements under way are lost with it.
  expect(handled.length - seen.size).toBeLessThanOrEqual(kills * inHand * 5)
  expect(seen.size).toBeGreaterThan(0)
}

/** Trims, deletes and destroys at random, as nobody should. */
export async function meddle(server: RedisProcess): Promise<void> {
  const pick = <T>(from: readonly T[]) => from[Math.floor(Math.random() * from.length)]
  const pending = (await server.ask('XPENDING', 'events', 'workers', '-', '+', '50').catch(() => [])) as [string][]
  const consumers = (await server.ask('XINFO', 'CONSUMERS', 'events', 'workers').catch(() => [])) as string[][]
  const id = pick(pending)?.[0]
  const acts: readonly (readonly string[])[] = [
    ['XTRIM', 'events', 'MAXLEN', '3'],
    ['XGROUP', 'DESTROY', 'events', 'workers'],
    ...(id ? [['XDEL', 'events', id] as const] : []),
    ...(consumers.length > 0 ? [['XGROUP', 'DELCONSUMER', 'events', 'workers', pick(consumers)![1]!] as const] : []),
  ]
  await server.ask(...(pick(acts) as [string, ...string[]])).catch(() => {})
}

/** Every id that was acknowledged was handled, or was told as lost: by its id when it was given out, else by number. */
export function checkMeddling({ acknowledged, handled, workers, deadEntries }: SoakOutcome): void {
  const seen = new Set(handled)
  const told = new Set(deadEntries)
  let missed = 0
  for (const { said } of workers) {
    for (const { gap, ids = [], count = 0 } of said) {
      for (const id of ids) told.add(id)
      if (gap === 'missed' || gap === 'stream-lost') missed += count
    }
  }
  const silent = [...acknowledged].filter(([id, n]) => !seen.has(n) && !told.has(id))
  expect(silent.length).toBe(missed)
}
