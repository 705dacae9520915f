import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis-6'
import { ask } from '../ask.ts'
import { median } from '../median.ts'
import { quantile } from '../quantile.ts'
import { table } from '../table.ts'
import { consumers } from './consumers.ts'
import type { ConsumeAnswer, ConsumeRequest } from './process.ts'

/** How many are appended a second where it is measured how long they take. */
const rate = 5_000

/** They are given a tenth of the entries. */
const slow: ReadonlySet<string> = new Set(['bullmq'])

interface Drained {
  readonly perSecond: number
  /** Microseconds of processor time for an entry. */
  readonly client: number
  readonly server: number
}

/**
 * Drains what was appended before: how many entries a second one process handles and acknowledges, and what each costs. And
 * how long one takes from the append to its handler, at a steady rate.
 *
 * @throws when an entry is handled twice, or when one stays
 */
export async function measureConsume(
  url: string,
  entries: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<string> {
  const names = Object.keys(consumers)
  const drained = new Map<string, Drained[]>(names.map(name => [name, []]))
  const latencies = new Map<string, number[]>(names.map(name => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      progress(`consume: ${name}, ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}`)
      const one = await drainOnce(name, url, slow.has(name) ? Math.ceil(entries / 10) : entries)
      const paced = await inProcess(url, { verb: 'pace', name, url, rate, seconds: 2 })
      if (round === 0) continue
      drained.get(name)!.push(one)
      if (paced.verb === 'paced') latencies.get(name)!.push(...paced.latencies)
    }
  }
  const of = (name: string, figure: keyof Drained) => median(drained.get(name)!.map(one => one[figure]))
  const at = (name: string, share: number) => {
    const sorted = Float64Array.from(latencies.get(name)!).sort()
    return quantile(sorted, share).toFixed(2)
  }
  const head = ['consume', 'entries a second', 'µs here', 'µs at the server', `p50 ms at ${rate}/s`, 'p99 ms']
  return table(
    head,
    names.map(name => [
      name,
      Math.round(of(name, 'perSecond')).toString(),
      of(name, 'client').toFixed(2),
      of(name, 'server').toFixed(2),
      at(name, 0.5),
      at(name, 0.99),
    ]),
  )
}

async function drainOnce(name: string, url: string, entries: number): Promise<Drained> {
  const answer = await inProcess(url, { verb: 'drain', name, url, entries })
  if (answer.verb !== 'drained') throw new Error(`${name} answered ${answer.verb} to drain.`)
  return {
    perSecond: entries / answer.seconds,
    client: (answer.cpuSeconds * 1e6) / entries,
    server: (answer.serverSeconds * 1e6) / entries,
  }
}

/** A process of its own for each, on an empty server; what the server spent on it counts from its first handler on. */
async function inProcess(url: string, request: ConsumeRequest): Promise<Exclude<ConsumeAnswer, { verb: 'failed' }>> {
  const server = new Redis(url)
  const child = fork(fileURLToPath(new URL('./process.js', import.meta.url)))
  const exited = once(child, 'exit')
  try {
    await server.flushall()
    const answer = await ask<ConsumeAnswer>(child, request)
    const left = await server.xpending('entries', 'workers').catch(() => [0])
    if (Number(left[0]) > 0) throw new Error(`${request.name} left ${left[0]} entries unacknowledged.`)
    return answer
  } finally {
    child.kill()
    await exited
    await server.flushall()
    server.disconnect()
  }
}
