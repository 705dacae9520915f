import { type ChildProcess, spawn } from 'node:child_process'
import { once as happening } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type RedisProcess, startProxy } from '@keyplan/local'
import { expect } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, type OnceRun, once, text } from '../../src/index.ts'
import { until } from '../live-server.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('once-process.mjs', import.meta.url))

interface Soak {
  /** Operations of each of the three ways. */
  readonly operations: number
  /** At the same time, all of them on the same operations. */
  readonly processes: number
  readonly kills: number
  /** The longest time for which replies are lost, in milliseconds; most times are much shorter. */
  readonly longestLoss: number
  readonly lease: `${number}ms`
}

/** What was noted of one way, by the operation. */
interface Notes {
  /** The token of every run. */
  readonly runs: Map<string, string[]>
  /** The results that callers were told. */
  readonly told: Map<string, Set<string>>
}

const ways = ['rerun', 'refuse', 'commit'] as const
type Way = (typeof ways)[number]

const effectKey = (id: number) => `{commit:${id}}:effect`

/**
 * Lets processes race for the same operations while the replies of their server are swallowed and they are killed, and then
 * counts. The effect outside of Redis is a line in a file; with `commit` it is a counter in Redis.
 */
export async function soakOnce(server: RedisProcess, { operations, processes, kills, longestLoss, lease }: Soak) {
  const folder = mkdtempSync(join(tmpdir(), 'keyplan-once-'))
  const file = join(folder, 'notes')
  const proxy = await startProxy({ to: server.port })
  const children = new Set<ChildProcess>()
  let killed = 0
  let over = false

  /** A process and, if it is killed, another in its place. Each time a little is done again, as by clients that retry. */
  async function inhabit(index: number): Promise<void> {
    for (let from = 0; from < operations; ) {
      const args = [program, `redis://127.0.0.1:${proxy.port}`, file, String(from), String(operations), lease]
      const child = spawn(process.execPath, args, {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env.PATH },
      })
      children.add(child)
      const [code] = (await happening(child, 'close')) as [number | null]
      children.delete(child)
      if (code === 0) return
      if (code !== null) throw new Error(`process ${index} ended with ${code}`)
      from = Math.max(0, furthest(file) - 60)
    }
  }

  const faults = (async () => {
    while (!over) {
      await proxy.swallowReplies()
      await sleep(20 + longestLoss * Math.random() ** 4)
      await proxy.pass()
      await sleep(100 + Math.random() * 250)
    }
  })()
  const deaths = (async () => {
    while (!over && killed < kills) {
      const before = size(file)
      // Not before it has done something that can be cut off.
      await until(() => over || size(file) > before + 2_000)
      const [victim] = [...children].sort(() => Math.random() - 0.5)
      if (victim?.kill('SIGKILL')) killed++
    }
  })()
  try {
    await Promise.all(Array.from({ length: processes }, (_, index) => inhabit(index)))
    over = true
    await Promise.all([faults, deaths])
    const swallowed = proxy.totals.bytesSwallowed
    await finish(server, file, operations, lease)
    return { ...judge(file, operations), killed, swallowed, effects: await effectsOf(server, operations) }
  } finally {
    over = true
    for (const child of children) child.kill('SIGKILL')
    await Promise.allSettled([faults, deaths])
    await proxy.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Everybody who was told nothing asks again, on a server that answers. */
async function finish(server: RedisProcess, file: string, operations: number, lease: `${number}ms`): Promise<void> {
  const terms = { ttl: '1h', lease, value: text() } as const
  const plan = definePlan('onces', {
    rerun: once('rerun:<id>', { ...terms, onCrash: 'rerun' }),
    refuse: once('refuse:<id>', { ...terms, onCrash: 'refuse' }),
    commit: once('{commit:<id>}:mark', { ...terms, onCrash: 'rerun' }),
  })
  const redis = await connect(plan, { url: `redis://127.0.0.1:${server.port}`, log: () => {} })
  async function one(way: Way, id: number): Promise<void> {
    const work = ({ token, attempt, commit }: OnceRun<string>) => {
      appendFileSync(file, `ran ${way} ${id} ${token} ${attempt}\n`)
      return way === 'commit' ? commit([['incr', effectKey(id)]], 'late') : 'late'
    }
    const answer = await redis[way]({ id }).tryRun(work, { wait: '30s', payload: { id } })
    appendFileSync(file, `final ${way} ${id} ${answer.state}\n`)
    if (answer.state === 'done') appendFileSync(file, `told ${way} ${id} ${answer.result}\n`)
  }
  const all = ways.flatMap(way => Array.from({ length: operations }, (_, id) => () => one(way, id)))
  while (all.length > 0) await Promise.all(all.splice(0, 200).map(ask => ask()))
  await redis.$close()
}

async function effectsOf(server: RedisProcess, operations: number): Promise<number[]> {
  const keys = Array.from({ length: operations }, (_, id) => effectKey(id))
  const counts = (await server.ask('MGET', ...keys)) as (string | null)[]
  return counts.map(Number)
}

const lines = (file: string): string[][] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .map(line => line.split(' '))

const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0

function furthest(file: string): number {
  return lines(file).reduce((most, [, , id]) => Math.max(most, Number(id ?? 0)), 0)
}

function judge(file: string, operations: number) {
  const notes = Object.fromEntries(ways.map(way => [way, { runs: new Map(), told: new Map() } as Notes])) as Record<
    Way,
    Notes
  >
  const finals: Record<string, number> = {}
  let unknown = 0
  let takenOver = 0
  for (const [what, way, id = '', word = '', more] of lines(file)) {
    if (!way) continue
    const { runs, told } = notes[way as Way]
    if (what === 'ran') {
      runs.set(id, [...(runs.get(id) ?? []), word])
      if (Number(more) > 1) takenOver++
    } else if (what === 'told') told.set(id, (told.get(id) ?? new Set()).add(word))
    else if (what === 'final') finals[`${way} ${word}`] = (finals[`${way} ${word}`] ?? 0) + 1
    else if (what === 'failed' && more === 'unknown') unknown++
  }
  for (const way of ways) {
    for (const [id, results] of notes[way].told) expect(results.size, `results of ${way} ${id}`).toBe(1)
  }
  const runsOf = (way: Way) => [...notes[way].runs.values()]
  return {
    finals,
    unknown,
    takenOver,
    operations,
    /** The most runs that one operation had. */
    mostRuns: (way: Way) => Math.max(...runsOf(way).map(({ length }) => length)),
    /** What a sink that is unique on the token has taken. */
    inSink: (way: Way) => new Set(runsOf(way).flat()).size,
    operationsRun: (way: Way) => runsOf(way).length,
  }
}
