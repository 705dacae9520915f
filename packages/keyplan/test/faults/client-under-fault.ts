import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisProcess } from '@keyplan/local'
import { expect, onTestFinished } from 'vitest'
import { type Client, type ClientEvents, connect } from '../../src/client/index.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { cache, definePlan, isKeyplanError, type KeyplanError, lock, rateLimit, text } from '../../src/index.ts'
import { openBudget } from './budget.ts'

export const plan = definePlan('faults', {
  /** Tells what Redis says. */
  page: cache('page:<id>', { ttl: '1h', value: text(), tags: ({ id }) => [`page ${id}`], whenDown: 'fail' }),
  /** Answers by its loader. */
  copy: cache('copy:<id>', { ttl: '1h', value: text() }),
  door: lock('door:<id>', { ttl: '1s', retry: { attempts: 1, delay: '10ms' } }),
  knocks: rateLimit('knocks:<id>', { limit: 3, window: '1h', whenDown: 'deny' }),
})

export type Subject = Client<(typeof plan)['namespaces']>

/** A client that is closed with the test, and what it tells. */
export async function open(url: string, options: ConnectOptions = {}) {
  const lines: string[] = []
  const log = (_: string, line: string) => void lines.push(line)
  const client = await connect(plan, { url, backoff: { min: '20ms', max: '100ms' }, log, ...options })
  onTestFinished(() => client.$close())
  const told = (event: keyof ClientEvents) => {
    const details: unknown[] = []
    client.$on(event, detail => void details.push(detail))
    return details
  }
  return { client, lines, told }
}

/** How a call ended, which has to be in its time. */
export async function ending<T>(call: Promise<T>, deadlineMs = 5_000): Promise<T | KeyplanError> {
  const budget = openBudget(deadlineMs)
  try {
    return await budget.within(() => call)
  } catch (error) {
    if (!isKeyplanError(error)) throw error
    return error
  } finally {
    expect(budget.worst).toBeLessThan(budget.limit)
  }
}

/** How often the server has answered with an error of this name, by its own count. */
export async function refusals(server: Pick<RedisProcess, 'ask'>, name: string): Promise<number> {
  const [, count = '0'] =
    new RegExp(`errorstat_${name}:count=(\\d+)`).exec(String(await server.ask('INFO', 'errorstats'))) ?? []
  return Number(count)
}

/** A figure of INFO. */
export async function figure(server: Pick<RedisProcess, 'ask'>, name: string): Promise<string | undefined> {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(String(await server.ask('INFO', 'everything')))?.[1]
}

/** Waits while an error state begins or ends on the server. The test's own timeout is the bound. */
export async function becomes(read: () => unknown): Promise<void> {
  while (!(await read())) await sleep(10)
}
