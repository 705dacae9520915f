import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type FaultProxy, type RedisProcess, startProxy } from '@keyplan/local'
import { Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { until } from '../live-server.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('lock-holder.mjs', import.meta.url))

type Said = Readonly<Record<string, unknown>>

interface Holder {
  readonly child: ChildProcess
  readonly proxy: FaultProxy | undefined
  readonly said: Said[]
}

function start(task: string, args: readonly string[], proxy?: FaultProxy): Holder {
  const child = spawn(process.execPath, [program, task, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said: Said[] = []
  createInterface({ input: child.stdout! }).on('line', line => said.push(JSON.parse(line)))
  return { child, proxy, said }
}

interface Contention {
  readonly processes: number
  readonly keys: number
  /** How often each process takes each of the keys. */
  readonly rounds: number
}

/** So many processes take locks so often each; gives the fences of each in the order in which they were inside. */
export async function contend(
  server: RedisProcess,
  sink: RedisProcess,
  { processes, keys, rounds }: Contention,
): Promise<readonly bigint[][]> {
  const args = [server.url, sink.url, 'contended', '30s', String(rounds), String(keys)]
  const holders = Array.from({ length: processes }, () => start('contend', args))
  await until(() => {
    expect(holders.filter(({ child }) => (child.exitCode ?? 0) !== 0)).toEqual([])
    return holders.every(({ said }) => said.some(words => 'done' in words))
  })
  expect(holders.flatMap(({ said }) => said.filter(words => 'overlap' in words))).toEqual([])
  const lists = Array.from({ length: keys }, (_, key) => `fences:contended${key + 1}`)
  const fences = await Promise.all(lists.map(list => sink.ask('LRANGE', list, '0', '-1')))
  await sink.ask('DEL', ...lists)
  return fences.map(found => (found as string[]).map(BigInt))
}

const ttlMs = 400
const key = 'held:one'

/** By what a lock is lost, or held up, while its holder thinks that it has it. */
const pauses = {
  stopped: async ({ child }: Holder) => {
    child.kill('SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, ttlMs + 100))
    child.kill('SIGCONT')
  },
  blocked: async ({ child }: Holder) => void child.stdin!.write(`block ${ttlMs + 100}\n`),
  cut: async ({ proxy }: Holder) => proxy?.blackhole(),
  deleted: async (_: Holder, server: RedisProcess) => server.ask('DEL', key),
  evicted: async (_: Holder, server: RedisProcess) => {
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl')
    await server.ask('CONFIG', 'SET', 'maxmemory', '1')
    // Any write makes room first.
    await server.ask('SET', 'filler', 'x').catch(() => {})
    await server.ask('CONFIG', 'SET', 'maxmemory', '0')
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  },
  flushed: async (_: Holder, server: RedisProcess) => server.ask('FLUSHALL'),
} as const

export interface Pauses {
  /** How often each was done to a holder that had the lock then. */
  readonly done: Readonly<Record<keyof typeof pauses, number>>
  /** Late writes that the sink refused. */
  readonly refused: number
}

/**
 * Pulls the lock away from processes that hold it, so often. Every one of them must be told; and what is written with its
 * fence afterwards must never come after what was written with a larger one. The sink has a server of its own, which keeps
 * what it has seen.
 */
export async function pullAway(server: RedisProcess, sink: RedisProcess, times: number): Promise<Pauses> {
  const accepted: bigint[] = []
  const watcher = new Redis(sink.port)
  const monitor = await watcher.monitor()
  onTestFinished(() => {
    monitor.disconnect()
    watcher.disconnect()
  })
  monitor.on('monitor', (_time: string, [command, name, value]: string[]) => {
    if (command?.toLowerCase() === 'set' && name === 'sink:one') {
      accepted.push(BigInt(/"fence":"(\d+)"/.exec(String(value).replaceAll('\\"', '"'))?.[1] ?? '0'))
    }
  })
  const holders = await Promise.all(
    [1, 2, 3].map(async () => {
      const proxy = await startProxy({ to: server.port })
      onTestFinished(() => proxy.close())
      return start('hold', [`redis://127.0.0.1:${proxy.port}`, sink.url, 'one', `${ttlMs}ms`], proxy)
    }),
  )
  const done = { stopped: 0, blocked: 0, cut: 0, deleted: 0, evicted: 0, flushed: 0 }
  const kinds = Object.keys(pauses) as (keyof typeof pauses)[]
  let last = 0n
  for (let time = 0; time < times; time++) {
    const kind = kinds[time % kinds.length]!
    const { holder, fence } = await until(() => newest(holders, last))
    expect(fence).toBeGreaterThan(last)
    last = fence
    await pauses[kind](holder, server)
    const end = await until(() => holder.said.find(words => words.end === String(fence)))
    expect({ kind, lost: end.lost, code: end.code }).toEqual({ kind, lost: true, code: 'LOCK_LOST' })
    done[kind]++
    if (kind === 'cut') await holder.proxy?.pass()
  }
  for (const { child } of holders) child.stdin!.write('stop\n')
  await until(() => holders.every(({ child }) => child.exitCode !== null))
  expect(accepted.length).toBeGreaterThanOrEqual(times)
  for (let index = 1; index < accepted.length; index++) {
    expect(accepted[index]).toBeGreaterThanOrEqual(accepted[index - 1]!)
  }
  const refused = holders.flatMap(({ said }) => said.filter(({ late }) => late === 'outdated')).length
  return { done, refused }
}

/** Kills the holder and, before that, one who waits for it; gives the fences of the one who had it and of the one who got it. */
export async function killHolder(server: RedisProcess, sink: RedisProcess): Promise<readonly [bigint, bigint]> {
  const args = [server.url, sink.url, 'killed', '1s']
  const first = start('hold', args)
  const before = await until(() => newest([first], 0n))
  const waiting = async () => Number(await server.ask('ZCOUNT', '{held:killed}:~line', '0', '+inf'))
  const second = start('hold', args)
  await until(async () => (await waiting()) === 1)
  const third = start('hold', args)
  await until(async () => (await waiting()) === 2)
  second.child.kill('SIGKILL')
  await until(() => second.child.signalCode !== null)
  first.child.kill('SIGKILL')
  const after = await until(() => newest([third], 0n))
  return [before.fence, after.fence]
}

/** Who got the lock last, if that was after `last`. */
function newest(holders: readonly Holder[], last: bigint): { holder: Holder; fence: bigint } | undefined {
  let found: { holder: Holder; fence: bigint } | undefined
  for (const holder of holders) {
    for (const { got } of holder.said.slice(-3)) {
      const fence = typeof got === 'string' ? BigInt(got) : 0n
      if (fence > (found?.fence ?? last)) found = { holder, fence }
    }
  }
  return found
}
