import type { Topology, TopologyName } from '@keyplan/local'
import type { Plan } from 'keyplan'
import { columns, type Report } from '../actions/report.ts'
import { environmentLines } from './environment.ts'

export interface Standing {
  readonly topology: TopologyName
  readonly plan: Plan | undefined
  /** Variables that speak of another server. */
  readonly foreign: readonly string[]
  readonly command: readonly string[] | undefined
  /** How long it took. */
  readonly ms: number
}

const roles: Readonly<Record<string, string>> = { slave: 'replica', sentinel: 'Sentinel' }

/** Each with its role, so that whoever wants to kill a master knows which one that is. */
function processesOf(nodes: Topology['nodes']) {
  return Promise.all(
    nodes.map(async node => {
      const [role] = (await node.ask('ROLE')) as [string]
      return { role: roles[role] ?? role, port: node.port, pid: node.pid }
    }),
  )
}

/** What is told when the servers stand. */
export async function standing(
  { url, environment, nodes }: Topology,
  { topology, plan, foreign, command, ms }: Standing,
): Promise<Report> {
  const lines = environmentLines(environment)
  const processes = await processesOf(nodes)
  const patterns = Object.entries(plan?.patterns ?? {}).map(([name, { source }]) => [name, source])
  return {
    data: {
      topology,
      url,
      environment,
      servers: processes,
      plan: plan?.name ?? null,
      ...(foreign.length > 0 && { setAside: foreign }),
      startedInMs: ms,
    },
    text: paint => {
      const unset = foreign.join(' ')
      const aside = command ? [`  set aside: ${unset}`] : [`  unset ${unset}`]
      return [
        `${paint('green', topology)} is ready after ${(ms / 1000).toFixed(1)} s: ${paint('bold', url)}`,
        '',
        ...(foreign.length > 0 ? aside : []),
        ...lines.map(line => (command ? `  ${line}` : `  export ${line}`)),
        '',
        `  ${paint('dim', `servers: ${processes.map(({ role, port, pid }) => `${role} ${port} (pid ${pid})`).join(', ')}`)}`,
        ...(plan ? ['', `  plan ${paint('bold', plan.name)}`] : []),
        ...columns(patterns, cell => cell).map(line => `    ${line}`),
        ...(command ? [] : ['', 'Ctrl-C stops all of it.']),
      ].join('\n')
    },
  }
}
