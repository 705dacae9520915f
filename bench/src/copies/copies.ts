import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis-6'
import { connect } from 'keyplan/client'
import { ask } from '../ask.ts'
import { copiesBytes, followPlan } from '../plan.ts'
import { quantile } from '../quantile.ts'
import { table } from '../table.ts'
import type { FillAnswer, FillRequest } from './fill-process.ts'
import { fills } from './fills.ts'
import type { Saw } from './follow-process.ts'

const changes = 500

/** What the copies of a near cache take of a process, and how soon those of another process follow a change. */
export async function measureCopies(url: string, keys: number, progress: (text: string) => void): Promise<string> {
  const rows: string[][] = []
  for (const name of Object.keys(fills)) {
    progress(`copies: ${keys} ${name}`)
    const { copies, counted, taken } = await fill(url, name, keys)
    const share = `${((taken / copiesBytes) * 100).toFixed(0)} %`
    rows.push([name, copies.toString(), mebibytes(counted), mebibytes(taken), share])
  }
  progress(`copies: ${changes} changes`)
  const times = await follow(url)
  const at = (share: number) => quantile(times, share).toFixed(2)
  const head = [
    `${keys} keys, maxBytes ${mebibytes(copiesBytes)} MiB`,
    'copies',
    'nearBytes, MiB',
    'heap, MiB',
    'of maxBytes',
  ]
  const followed = table(
    ['from a set until another process reads it', 'median ms', 'p99 ms'],
    [[`${changes} changes, one after another`, at(0.5), at(0.99)]],
  )
  return `${table(head, rows)}\n\n${followed}`
}

async function fill(url: string, name: string, keys: number): Promise<Extract<FillAnswer, { verb: 'filled' }>> {
  const child = fork(fileURLToPath(new URL('./fill-process.js', import.meta.url)), { execArgv: ['--expose-gc'] })
  const exited = once(child, 'exit')
  try {
    return await ask<FillAnswer>(child, { url, name, keys } satisfies FillRequest)
  } finally {
    child.kill()
    await exited
    await emptied(url)
  }
}

/** Milliseconds, sorted. */
async function follow(url: string): Promise<number[]> {
  const child = fork(fileURLToPath(new URL('./follow-process.js', import.meta.url)), [url])
  const exited = once(child, 'exit')
  const redis = await connect(followPlan, { url, log: false })
  try {
    const times: number[] = []
    for (let number = 0; number <= changes; number++) {
      const seen = once(child, 'message') as Promise<[Saw]>
      await redis.items({ key: 'followed' }).set({ number, at: String(process.hrtime.bigint()) })
      const [{ ms }] = await seen
      // The first is not a copy that follows, but the first read.
      if (number > 0) times.push(ms)
    }
    return times.sort((one, two) => one - two)
  } finally {
    await redis.$close()
    child.kill()
    await exited
    await emptied(url)
  }
}

async function emptied(url: string): Promise<void> {
  const server = new Redis(url)
  await server.flushall()
  server.disconnect()
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
