import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/index.ts'
import { definePlan, json, type Membership, registry } from '../../src/index.ts'
import { until } from '../live-server.ts'

// Needs the build: Node 20 runs no TypeScript.
const program = fileURLToPath(new URL('registry-process.mjs', import.meta.url))
const lease = '2s'
const plan = definePlan('registries', {
  agents: registry('agents:<id>', { lease, beat: '200ms', metadata: json<object>() }),
})

/** A client of a registry whose leases last two seconds. */
export async function openRegistry(url: string, options: ConnectOptions = {}) {
  const backoff = { min: '20ms', max: '100ms' } as const
  const client = await connect(plan, { url, log: false, start: 'required', backoff, ...options })
  onTestFinished(() => client.$close())
  return client
}
export type RegistryClient = Awaited<ReturnType<typeof openRegistry>>

/** Everything that is told, as `<id> <type>`. */
export function listen(client: RegistryClient): string[] {
  const told: string[] = []
  void (async () => {
    for await (const { type, member } of client.agents.follow()) told.push(`${member.id} ${type}`)
  })()
  return told
}

export const joinAll = (client: RegistryClient, ids: readonly string[]) =>
  Promise.all(ids.map(id => client.agents({ id }).join({ capabilities: ['run'], metadata: {} })))

export const expiredIn = (told: readonly string[]) => told.filter(line => line.endsWith('expired'))

export const figuresOf = (client: RegistryClient) => client.$stats().namespaces.agents!.registry!

/** Their leases have ended, for all that their processes know. */
export const leasesEnd = (members: readonly Membership[]) =>
  until(() => members.every(member => member.remaining() === 0))

/** Members `<name>0`, `<name>1`, … in a process of their own, which is killed when the test has finished. */
export async function startMembers(url: string, name: string, count: number) {
  const child = spawn(process.execPath, [program, url, lease, name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  })
  const exit = new Promise<number | null>(resolve => child.once('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const said: { readonly ready?: true; readonly rejoined?: string }[] = []
  createInterface({ input: child.stdout }).on('line', line => said.push(JSON.parse(line)))
  await until(() => said.some(({ ready }) => ready))
  return { said, exit, kill: (signal: NodeJS.Signals) => void child.kill(signal) }
}
