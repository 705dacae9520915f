import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis-6'
import { ask } from '../ask.ts'
import { quantile } from '../quantile.ts'
import { table } from '../table.ts'
import { contenders } from './contenders.ts'
import type { HandoverAnswer, HandoverRequest, Turn } from './process.ts'

const waiters = 10

interface Measured {
  readonly name: string
  /** From the call that releases it to the end of the next one's wait, sorted. */
  readonly gaps: readonly number[]
  /** What the server read of clients, for each hand-over. */
  readonly requests: number
}

/**
 * Ten processes want one lock at the same moment, and each gets it once; again and again. Measures how long the lock lies
 * idle between two of them, and what the waiting costs the server.
 *
 * @throws when a process fails, or when two of them have had it at once
 */
export async function measureHandover(url: string, rounds: number, progress: (text: string) => void): Promise<string> {
  const measured: Measured[] = []
  for (const name of Object.keys(contenders)) {
    progress(`hand-over: ${name}`)
    measured.push(await measureOne(name, url, rounds))
  }
  const at = ({ gaps }: Measured, share: number) => quantile(gaps, share).toFixed(1)
  return table(
    ['hand-over, 10 waiters in 10 processes', 'median ms', 'p99 ms', 'longest ms', 'requests each'],
    measured.map(one => [one.name, at(one, 0.5), at(one, 0.99), at(one, 1), one.requests.toFixed(1)]),
  )
}

async function measureOne(name: string, url: string, rounds: number): Promise<Measured> {
  const server = new Redis(url)
  const script = fileURLToPath(new URL('./process.js', import.meta.url))
  const children = Array.from({ length: waiters }, () => fork(script))
  try {
    await Promise.all(
      children.map(child => ask<HandoverAnswer>(child, { verb: 'open', name, url } satisfies HandoverRequest)),
    )
    const gaps: number[] = []
    await server.config('RESETSTAT')
    for (let round = 0; round < rounds; round++) {
      const turns = (await Promise.all(
        children.map(child => ask<HandoverAnswer>(child, { verb: 'once' } satisfies HandoverRequest)),
      )) as unknown as Turn[]
      turns.sort((one, two) => one.acquired - two.acquired)
      for (let index = 1; index < turns.length; index++) {
        const gap = turns[index]!.acquired - turns[index - 1]!.releasing
        if (gap < 0) throw new Error(`${name} gave the lock to two processes at once.`)
        gaps.push(gap)
      }
    }
    const reads = /total_reads_processed:(\d+)/.exec(await server.info('stats'))?.[1]
    return { name, gaps: gaps.sort((one, two) => one - two), requests: Number(reads) / (rounds * waiters) }
  } finally {
    for (const child of children) {
      if (child.connected) child.send({ verb: 'close' } satisfies HandoverRequest)
    }
    await Promise.all(children.map(child => child.exitCode ?? once(child, 'exit')))
    await server.flushall()
    server.disconnect()
  }
}
