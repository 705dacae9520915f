import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connectResp, type RedisProcess } from '@keyplan/local'
import { expect, onTestFinished } from 'vitest'
import { until } from '../live-server.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('limit-process.mjs', import.meta.url))

export interface LimitTally {
  /** Units allowed, by namespace. */
  readonly allowed: Map<string, number>
  readonly wrong: string[]
  asked: number
}

interface LimitProcess {
  readonly child: ChildProcess
  readonly ended: () => boolean
  /** Whether it has told of a round. */
  readonly isAtWork: () => boolean
}

function startLimitProcess(server: RedisProcess, tally: LimitTally, rounds: number, seed: number): LimitProcess {
  const skew = seed % 2 === 0 ? 5_000 : -5_000
  const args = [program, server.url, skew, rounds, seed].map(String)
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let ended = false
  let told = 0
  child.on('close', () => {
    ended = true
  })
  createInterface({ input: child.stdout }).on('line', line => {
    const said = JSON.parse(line)
    if (said.done) return
    told++
    tally.asked += said.asked
    tally.wrong.push(...said.wrong)
    for (const [name, units] of Object.entries<number>(said.allowed)) {
      tally.allowed.set(name, (tally.allowed.get(name) ?? 0) + units)
    }
  })
  return { child, ended: () => ended, isAtWork: () => told > 0 }
}

/** Eight processes with clocks five seconds ahead or behind, of which `kills` are killed at work and replaced. */
export async function underFire(server: RedisProcess, rounds: number, kills: number): Promise<LimitTally> {
  const tally: LimitTally = { allowed: new Map(), wrong: [], asked: 0 }
  let seed = 1
  const start = () => startLimitProcess(server, tally, rounds, seed++)
  const processes = Array.from({ length: 8 }, start)
  for (let kill = 0; kill < kills; kill++) {
    const at = kill % processes.length
    const victim = processes[at]!
    await until(() => victim.isAtWork() || victim.ended())
    victim.child.kill('SIGKILL')
    await until(victim.ended)
    processes[at] = start()
  }
  await until(() => processes.every(({ ended }) => ended()))
  return tally
}

/** No key without a time to live, whoever was killed while it wrote. */
export async function expectMortalKeys(server: RedisProcess): Promise<void> {
  const plain = await connectResp({ port: server.port })
  const keys = (await plain.ask('KEYS', '*')) as string[]
  const ttls = await Promise.all(keys.map(async key => [key, Number(await plain.ask('PTTL', key))] as const))
  plain.close()
  expect(keys.length).toBeGreaterThan(0)
  expect(ttls.filter(([, ttl]) => ttl === -1)).toEqual([])
}
